"""Groups in LDIF, as directories with LDAP export it."""

from __future__ import annotations

from dataclasses import dataclass

from connectors.directories.dn import normal_dn
from connectors.directories.ldif_records import MEMBERS, Record, attribute, records
from connectors.directories.refusal import refused, shown
from connectors.directories.roster import Roster
from connectors.directories.settings import LdifOptions
from rag.errors import DirectoryError

_GROUPS = frozenset({"groupofnames", "groupofuniquenames", "groupofmembers", "group", "posixgroup"})
_USERS = frozenset(
    {"inetorgperson", "organizationalperson", "person", "account", "posixaccount", "user"},
)


@dataclass(frozen=True, slots=True)
class _Group:
    principal: str
    where: str
    members: tuple[str, ...]
    uids: tuple[str, ...]


def members_of(data: bytes, path: str, options: LdifOptions) -> dict[str, frozenset[str]]:
    """Every group with its direct members, from the LDIF file ``path`` (for messages) with content ``data``.

    Groups are entries of groupOfNames, groupOfUniqueNames, groupOfMembers, group and posixGroup; users those of
    person, inetOrgPerson, account, user and their like. ``member`` and ``uniqueMember`` hold DNs, ``memberUid``
    a user's uid. Not seen: primary groups (gidNumber, primaryGroupID), and whether an account is disabled, for
    which LDAP has no common word; leave such accounts out of the export's groups.

    Raises ``DirectoryError`` for all that leaves a doubt: a broken record, members that are not in the file (see
    ``ignore_unknown``), a name that is no principal's or that two have. One thing it cannot tell: a file that
    was cut exactly between two records is a whole file with fewer entries.
    """
    user, group = attribute(options.user), attribute(options.group)
    roster = Roster(ignore_unknown=options.ignore_unknown)
    uids: dict[str, str | None] = {}
    groups: list[_Group] = []
    for record in records(data, path, {"objectclass", "uid", user, group, *MEMBERS}):
        where = f"{path}:{record.line}"
        key = _key(record.dn, where)
        classes = {text.strip().lower() for text in record.values.get("objectclass", ())}
        if not classes:
            raise refused("an entry without objectClass", where, "Export the attribute objectClass too.")
        if classes & _GROUPS and classes & _USERS:
            raise refused("an entry that is both a user and a group", where)
        if classes & _GROUPS:
            groups.append(_group(roster, key, record, where, group))
        elif any(name in record.values for name in MEMBERS):
            raise refused("an entry that has members, but is of no class of groups that is known", where)
        elif classes & _USERS:
            roster.add(key, where, "user", _only(record, user, where), rename=_RENAME_USER)
            for uid in record.values.get("uid", ()):
                uids[uid] = None if uid in uids else key
        else:
            roster.add(key, where, "other")
    return {one.principal: _members(roster, one, uids) for one in groups}


_RENAME_USER = "Rename it in the directory, or name with the option user another attribute, such as mail."
_RENAME_GROUP = (
    "Rename it in the directory, or name with the option group another attribute, such as gidNumber."
)


def _group(roster: Roster, key: str, record: Record, where: str, naming: str) -> _Group:
    name = _only(record, naming, where)
    called = roster.add(key, where, "group", name, rename=_RENAME_GROUP)
    if called is None:
        raise refused(f"a group without {naming}", where, _RENAME_GROUP)
    listed = record.values
    return _Group(
        principal=called,
        where=where,
        members=(*listed.get("member", ()), *listed.get("uniquemember", ())),
        uids=tuple(listed.get("memberuid", ())),
    )


def _members(roster: Roster, group: _Group, uids: dict[str, str | None]) -> frozenset[str]:
    keys = [(_key(dn, group.where), dn) for dn in group.members]
    for uid in group.uids:
        key = uids.get(uid)
        if key is not None:
            keys.append((key, uid))
        elif uid in uids:
            raise refused(f"two users have the uid {shown(uid)} of a member", group.where)
        else:
            roster.unknown(f"the member {shown(uid)}", group.where)
    return roster.members(keys, group.where)


def _only(record: Record, naming: str, where: str) -> str | None:
    values = record.values.get(naming, [])
    if len(values) > 1:
        what = f"{naming} has {len(values)} values, and which of them is the name is not known"
        raise refused(what, where, "Name with the options user and group attributes that have one value.")
    return values[0] if values else None


def _key(dn: str, where: str) -> str:
    try:
        return normal_dn(dn)
    except ValueError as error:
        raise _no_dn(dn, str(error), where) from error


def _no_dn(dn: str, why: str, where: str) -> DirectoryError:
    return refused(f"{shown(dn)} cannot be understood: {why}", where)
