"""Exports of one small company: Ada and Bob are in eng, eng and Cleo in staff, Dora has left, none is empty."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from connectors.directories import Directory, build_directory
from rag.errors import DirectoryError

Export = Callable[..., Directory]
Refuse = Callable[..., DirectoryError]

MEMBERS_OF = {
    "group:eng": frozenset({"user:ada", "user:bob"}),
    "group:staff": frozenset({"group:eng", "user:cleo"}),
    "group:none": frozenset[str](),
}


def user(id: str, name: str, **more: object) -> dict[str, object]:
    return {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "id": id,
        "userName": name,
        "active": True,
        **more,
    }


def group(id: str, name: str, *members: str, **more: object) -> dict[str, object]:
    return {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
        "id": id,
        "displayName": name,
        "members": [{"value": member} for member in members],
        **more,
    }


def listed(*resources: object, total: object = None) -> str:
    """A ListResponse; ``total`` is the number of resources unless told."""
    return json.dumps(
        {
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
            "totalResults": len(resources) if total is None else total,
            "Resources": resources,
        }
    )


SCIM = listed(
    user("1", "ada"),
    user("2", "bob"),
    user("3", "cleo"),
    user("4", "dora", active=False),
    group("10", "eng", "1", "2", "4"),
    group("11", "staff", "10", "3"),
    group("12", "none"),
)

LDIF = """\
version: 1
dn: ou=people,dc=acme
objectClass: organizationalUnit
ou: people

dn: uid=ada,ou=people,dc=acme
objectClass: inetOrgPerson
uid: ada

dn: uid=bob,ou=people,dc=acme
objectClass: inetOrgPerson
uid: bob

dn: uid=cleo,ou=people,dc=acme
objectClass: account
uid: cleo

dn: cn=eng,dc=acme
objectClass: groupOfNames
cn: eng
member: uid=ada,ou=people,dc=acme
member: UID=Bob, ou=people, dc=acme

dn: cn=staff,dc=acme
objectClass: groupOfUniqueNames
cn: staff
uniqueMember: cn=eng,dc=acme
uniqueMember: uid=cleo,ou=people,dc=acme

dn: cn=none,dc=acme
objectClass: posixGroup
cn: none

"""

WHOLE = {"scim": SCIM, "ldif": LDIF}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "export"


@pytest.fixture
def export(path: Path) -> Export:
    """Writes an export, by default the whole company, and returns the directory that reads it."""

    def written(format: str, text: str | bytes | None = None, **options: object) -> Directory:
        text = WHOLE[format] if text is None else text
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return build_directory("hr", format, path, options)

    return written


@pytest.fixture
def refuse(export: Export, path: Path) -> Refuse:
    """The error for an export, with ``where`` as seen from its folder."""

    def refused(format: str, text: str | bytes, **options: object) -> DirectoryError:
        with pytest.raises(DirectoryError) as caught:
            export(format, text, **options).read()
        assert caught.value.state == "Memberships stay as last observed, until their limit"
        assert caught.value.next_step
        caught.value.where = caught.value.where.removeprefix(f"{path.parent}/")
        return caught.value

    return refused
