"""Groups in SCIM 2.0 (RFC 7643), as one JSON file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from connectors.directories.refusal import refused, shown
from connectors.directories.roster import Kind, Roster
from connectors.directories.settings import ScimOptions
from connectors.duplicates import Duplicates, JsonObject

_LIST = "urn:ietf:params:scim:api:messages:2.0:listresponse"
_KINDS: dict[str, Kind] = {
    "urn:ietf:params:scim:schemas:core:2.0:user": "user",
    "urn:ietf:params:scim:schemas:core:2.0:group": "group",
}
# What only one of the two has, for resources that do not say what they are.
_SHAPES: tuple[tuple[Kind, str], ...] = (("user", "username"), ("group", "members"))
_WHOLE = "Export all pages, users and groups, into one list."
_RENAME_USER = "Rename it in the directory, or set user to userName or emails, whichever it is not."
_RENAME_GROUP = "Rename it in the directory, or set group: id to call groups by their ids."


@dataclass(frozen=True, slots=True)
class _Resource:
    value: JsonObject
    where: str
    id: str
    kind: Kind


def members_of(data: bytes, path: str, options: ScimOptions) -> dict[str, frozenset[str]]:
    """Every group with its direct members, from the file ``path`` (for messages) with content ``data``: one
    ListResponse, or a list, of Users and Groups.

    Names of attributes come in any case, as RFC 7643 has it. Users who are not active are in no group, and
    nothing but their id is looked at. Raises ``DirectoryError`` for all that leaves a doubt: JSON that is cut
    or has a key twice; a page of a longer list; members that are not in the file (see ``ignore_unknown``), and
    groups that a user is said to be in; a name that is no principal's or that two have.
    """
    resources = [_resource(value, where) for value, where in _values(data, path)]
    roster = Roster(ignore_unknown=options.ignore_unknown)
    groups: list[tuple[str, _Resource]] = []
    for one in resources:
        if one.kind == "group":
            name = _text(one.value, options.group, one.where)
            called = roster.add(one.id, one.where, "group", name, rename=_RENAME_GROUP)
            if called is None:
                raise refused(f"a group without {options.group}", one.where, _RENAME_GROUP)
            groups.append((called, one))
        elif _active(one):
            roster.add(one.id, one.where, "user", _user_name(one, options), rename=_RENAME_USER)
        else:
            roster.add(one.id, one.where, "inactive")
    for one in resources:
        if one.kind == "user":
            _check_groups(one, roster)
    return {called: roster.members(_members(one, roster), one.where) for called, one in groups}


def _values(data: bytes, path: str) -> Iterator[tuple[JsonObject, str]]:
    """Each resource with where it is."""
    duplicates = Duplicates(lower=True)
    try:
        document: object = json.loads(data.decode("utf-8-sig"), object_pairs_hook=duplicates.object)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise refused("not UTF-8", f"{path}:{line}") from error
    except json.JSONDecodeError as error:
        raise refused(f"not JSON: {error.msg}", f"{path}:{error.lineno}") from error
    except RecursionError as error:
        raise refused("nested too deeply", path) from error
    except ValueError as error:
        raise refused("not JSON that can be read: a number is too long", path) from error
    entries = _entries(document, path)
    if duplicates.keys:
        twice = f"the key {shown(duplicates.keys[0])} is there twice in one object"
        raise refused(twice, _place(duplicates.objects[0], entries, path))
    for number, entry in enumerate(entries, start=1):
        where = f"{path}, entry {number}"
        if not isinstance(entry, dict):
            raise refused("not an object", where)
        yield entry, where


def _entries(document: object, path: str) -> list[object]:
    if isinstance(document, list):
        return document
    if not isinstance(document, dict) or _LIST not in _schemas(document, path):
        raise refused("neither a list of resources nor a ListResponse", path, _WHOLE)
    entries = document.get("resources")
    if entries is None:
        entries = []
    total = document.get("totalresults")
    if not isinstance(entries, list) or not isinstance(total, int) or isinstance(total, bool):
        raise refused("a ListResponse has a whole number totalResults, and a list Resources", path, _WHOLE)
    if total != len(entries):
        what = f"totalResults is {total}, but {len(entries)} Resources are there: not the whole list"
        raise refused(what, path, _WHOLE)
    return entries


def _place(found: JsonObject, entries: list[object], path: str) -> str:
    """Where the very object ``found`` is."""
    for number, entry in enumerate(entries, start=1):
        todo = [entry]
        while todo:
            value = todo.pop()
            if value is found:
                return f"{path}, entry {number}"
            todo += value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return path


def _resource(value: JsonObject, where: str) -> _Resource:
    id = _text(value, "id", where)
    if not id:
        raise refused("a resource without id", where)
    kinds = {_KINDS[schema] for schema in _schemas(value, where) if schema in _KINDS}
    meta = value.get("meta")
    stated = _text(meta, "resourceType", where) if isinstance(meta, dict) else None
    if stated is not None:
        kinds.add("user" if stated.lower() == "user" else "group" if stated.lower() == "group" else "other")
    if not kinds and value.get("schemas") is None:
        kinds = {kind for kind, key in _SHAPES if key in value}
        if not kinds and "displayname" in value:
            kinds.add("group")
    if len(kinds) != 1 or "other" in kinds:
        raise refused("a resource that is not clearly a User or clearly a Group", where)
    return _Resource(value, where, id, kinds.pop())


def _schemas(value: JsonObject, where: str) -> set[str]:
    schemas = value.get("schemas")
    if schemas is None:
        return set()
    if not isinstance(schemas, list) or not all(isinstance(schema, str) for schema in schemas):
        raise refused("schemas is not a list of names", where)
    return {schema.lower() for schema in schemas}


def _active(user: _Resource) -> bool:
    active = user.value.get("active")
    if active is not None and not isinstance(active, bool):
        raise refused("active is neither true nor false", user.where)
    return active is not False


def _user_name(user: _Resource, options: ScimOptions) -> str | None:
    if options.user == "userName":
        return _text(user.value, "userName", user.where)
    emails = _objects(user, "emails")
    # A single address is the primary one, whether it says so or not.
    chosen = emails if len(emails) == 1 else [email for email in emails if email.get("primary") is True]
    if len(chosen) > 1 or (emails and not chosen):
        raise refused(f"of {len(emails)} emails not exactly one is primary", user.where, _RENAME_USER)
    return _text(chosen[0], "value", user.where) if chosen else None


def _members(group: _Resource, roster: Roster) -> Iterator[tuple[str, str]]:
    for member in _objects(group, "members"):
        id = _text(member, "value", group.where)
        if not id:
            raise refused("a member without value", group.where)
        stated = _text(member, "type", group.where)
        kind = roster.kind(id)
        if stated is not None and kind is not None:
            is_stated = "group" if kind == "group" else "user"
            if stated.lower() != is_stated:
                raise refused(f"the member {shown(id)} is no {stated}", group.where)
        yield id, id


def _check_groups(user: _Resource, roster: Roster) -> None:
    """A group that a user is said to be in and that is not there was left out: the export is half of one."""
    for group in _objects(user, "groups"):
        id = _text(group, "value", user.where)
        if id and roster.kind(id) != "group":
            roster.unknown(f"the group {shown(id)}, which a user is said to be in,", user.where)


def _objects(resource: _Resource, key: str) -> list[JsonObject]:
    """The list of objects under ``key``; null and no key are the same as an empty one (RFC 7643, 2.5)."""
    values = resource.value.get(key)
    if values is None:
        return []
    if not isinstance(values, list):
        raise refused(f"{key} is not a list", resource.where)
    found = [value for value in values if isinstance(value, dict)]
    if len(found) != len(values):
        raise refused(f"{key} has something in it that is not an object", resource.where)
    return found


def _text(value: JsonObject, key: str, where: str) -> str | None:
    text = value.get(key.lower())
    if text is not None and not isinstance(text, str):
        raise refused(f"{key} is not text", where)
    return text
