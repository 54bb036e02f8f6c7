"""LDIF as directories with LDAP export it."""

from __future__ import annotations

from base64 import b64encode

import pytest

from tests.connectors.directories.conftest import Export, Refuse

ADA = (
    "dn: uid=ada,dc=acme\nobjectClass: top\nobjectClass: inetOrgPerson\nuid: ada\nmail: ada@acme.example\n\n"
)
BOB = "dn: uid=bob,dc=acme\nobjectClass: posixAccount\nuid: bob\n\n"


def group(name: str, *lines: str, kind: str = "groupOfNames") -> str:
    return "".join(
        f"{line}\n" for line in (f"dn: cn={name},dc=acme", f"objectClass: {kind}", f"cn: {name}", *lines, "")
    )


def test_posix_groups_hold_uids(export: Export) -> None:
    text = ADA + BOB + group("eng", "memberUid: ada", "memberUid: bob", kind="posixGroup")
    assert export("ldif", text).read().members_of == {"group:eng": frozenset({"user:ada", "user:bob"})}


def test_members_by_dn_and_by_uid_add_up(export: Export) -> None:
    text = ADA + BOB + group("eng", "member: uid=ada,dc=acme", "memberUid: bob", kind="groupOfMembers")
    assert export("ldif", text).read().members_of == {"group:eng": frozenset({"user:ada", "user:bob"})}


def test_users_and_groups_may_be_named_by_other_attributes(export: Export) -> None:
    text = (
        "dn: CN=Ada,DC=acme\nobjectClass: user\nsAMAccountName: ADA\nmail: ada@acme.example\n\n"
        "dn: CN=Sales Team,DC=acme\nobjectClass: group\ncn: Sales Team\nsAMAccountName: sales\n"
        "member: CN=Ada,DC=acme\n\n"
    )
    by_account = export("ldif", text, user="sAMAccountName", group="samaccountname").read()
    assert by_account.members_of == {"group:sales": frozenset({"user:ADA"})}
    by_mail = export("ldif", text, user="mail", group="sAMAccountName").read()
    assert by_mail.members_of == {"group:sales": frozenset({"user:ada@acme.example"})}


def test_attributes_have_other_names(export: Export) -> None:
    text = (
        "dn: userid=ada,dc=acme\nobjectClass: account\nuserid: ada\n\n"
        "dn: cn=eng,dc=acme\nobjectClass: groupOfNames\ncommonName: eng\n2.5.4.31: userid=ada,dc=acme\n\n"
    )
    assert export("ldif", text, user="userid", group="commonName").read().members_of == {
        "group:eng": frozenset({"user:ada"})
    }


def test_comments_folded_lines_and_base64_are_understood(export: Export) -> None:
    name = b64encode(b"uid=ada,dc=acme").decode()
    text = (
        "# made by slapcat\n# and a comment\n  that is folded\nversion: 1\n\n\n"
        "dn: uid=ada,d\n c=acme\nobjectClass:account\n# within an entry\nuid:  ada\n\n"
        f"dn: cn=eng,dc=acme\nobjectClass: groupOfNames\ncn: eng\nmember:: {name[:5]}\n {name[5:]}\n\n"
        "# end\n"
    )
    assert export("ldif", text).read().members_of == {"group:eng": frozenset({"user:ada"})}


def test_a_change_that_adds_is_an_entry(export: Export) -> None:
    text = ADA.replace("objectClass: top", "changetype: add") + group("eng", "member: uid=ada,dc=acme")
    assert export("ldif", text).read().members_of == {"group:eng": frozenset({"user:ada"})}


def test_values_in_a_language_or_in_bytes_are_passed_over(export: Export) -> None:
    text = ADA + group("eng", "cn;lang-de: Technik", "jpegPhoto:: /9j/", "member: uid=ada,dc=acme")
    assert export("ldif", text).read().members_of == {"group:eng": frozenset({"user:ada"})}


def test_groups_may_hold_each_other_and_themselves(export: Export) -> None:
    text = group("a", "member: cn=b,dc=acme") + group("b", "member: cn=a,dc=acme", "member: cn=B,dc=acme")
    assert export("ldif", text).read().members_of == {
        "group:a": frozenset({"group:b"}),
        "group:b": frozenset({"group:a", "group:b"}),
    }


def test_a_user_without_a_name_may_be_there_as_long_as_no_group_holds_it(
    export: Export, refuse: Refuse
) -> None:
    text = ADA + BOB
    assert export("ldif", text, user="mail").read().members_of == {}
    error = refuse("ldif", text + group("eng", "member: uid=bob,dc=acme"), user="mail")
    assert error.what.startswith("the member 'uid=bob,dc=acme' has no name, see ")
    assert error.where == "export:11"


def test_a_group_of_twenty_thousand_is_whole(export: Export) -> None:
    names = [f"u{number}" for number in range(20_000)]
    users = "".join(f"dn: uid={name},dc=acme\nobjectClass: account\nuid: {name}\n\n" for name in names)
    text = users + group("all", *(f"member: uid={name},dc=acme" for name in names))
    members_of = export("ldif", text).read().members_of
    assert members_of == {"group:all": frozenset(f"user:{name}" for name in names)}


@pytest.mark.parametrize(
    "member", ["member: uid=eve,dc=acme", "memberUid: eve", "member: dc=acme", "member:", "memberUid:"]
)
def test_members_outside_the_file_are_left_out_only_if_told(
    export: Export, refuse: Refuse, member: str
) -> None:
    other = "dn: dc=acme\nobjectClass: domain\n\n"
    text = other + ADA + group("eng", "member: uid=ada,dc=acme", member)
    error = refuse("ldif", text)
    assert error.where == "export:10"
    assert error.what.endswith("is no user or group of this export")
    assert "ignore_unknown" in error.next_step
    members_of = export("ldif", text, ignore_unknown=True).read().members_of
    assert members_of == {"group:eng": frozenset({"user:ada"})}


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        (ADA + ADA, 7, "'uid=ada,dc=acme' is there twice, first at "),
        (ADA + ADA.replace("dn: uid=ada", "dn: uid=ada2"), 7, "two entries are 'user:ada', the other at "),
        (group("a") + group("a").replace("dc=acme", "dc=b"), 5, "two entries are 'group:a', the other at "),
        (ADA + group("a").replace("cn: a\n", ""), 7, "a group without cn"),
        (ADA + group("a", "cn: b"), 7, "cn has 2 values, and which of them"),
        (group("Sales Team"), 1, "'group:Sales Team' has an empty name, white space"),
        (ADA.replace("uid: ada", "uid: e\u0301va"), 1, "'user:e\u0301va' has an empty name"),
        ("dn: dc=acme\ndc: acme\n\n", 1, "an entry without objectClass"),
        (ADA.replace(": top", ": groupOfNames"), 1, "an entry that is both a user and a group"),
        (group("a", "member: cn=a,dc=acme", kind="team"), 1, "an entry that has members, but is of no class"),
        (ADA.replace("dn: uid=ada", "dn: ada"), 1, "'ada,dc=acme' cannot be understood: not a name"),
        (ADA + group("a", "member: ada"), 7, "'ada' cannot be understood: not a name"),
        (ADA.replace("mail", "dn"), 5, "a second dn in one record"),
        (ADA.replace(": top", ":< file:///etc/passwd"), 2, "a value that is to be fetched from a URL"),
        (ADA.replace("objectClass: top", "changetype: delete"), 2, "a change, where a list of entries"),
        (ADA.replace("objectClass: top", "changetype: modify"), 2, "a change, where a list of entries"),
        (ADA.replace("objectClass: top", "control: 1.2.3 true"), 2, "a change, where a list of entries"),
        ("version: 2\n" + ADA, 1, "another version of LDIF than 1"),
        (ADA + "version: 1\n\n", 7, "a record does not begin with its dn"),
        (ADA + "search: 2\nresult: 4 Size limit exceeded\n\n", 7, "a record does not begin with its dn"),
        ("uid: ada\n" + ADA, 1, "a record does not begin with its dn"),
        (ADA + "garbage\n\n", 7, "not a line of LDIF"),
        (ADA + "\tdn: x\n\n", 7, "not a line of LDIF"),
        (ADA + " folded\n\n", 7, "a folded line that continues nothing"),
        (" folded\n" + ADA, 1, "a folded line that continues nothing"),
        (ADA.replace("mail:", "mail::"), 5, "a value that is not base64"),
        (ADA.replace("mail: ada@acme.example", "photo:: YQ"), 5, "a value that is not base64"),
        (ADA.replace("uid: ada", "uid:: /w=="), 4, "the value of uid is not UTF-8"),
        (ADA + group("a", "member;range=0-1499: uid=ada,dc=acme"), 10, "members in parts"),
        (ADA[:-1], 5, "no empty line follows the last record"),
        (ADA[:-2], 5, "the last line has no end"),
        ("version: 1\n", 1, "there is no entry in it"),
        ("# nothing\n", 1, "there is no entry in it"),
    ],
)
def test_what_leaves_a_doubt_is_refused_with_the_line(
    refuse: Refuse, text: str, line: int, what: str
) -> None:
    error = refuse("ldif", text)
    assert error.what.startswith(what)
    assert error.where == f"export:{line}"


def test_a_uid_of_two_users_names_no_member(refuse: Refuse) -> None:
    text = ADA + ADA.replace("dc=acme", "dc=b").replace("ada@", "other@")
    error = refuse("ldif", text + group("eng", "memberUid: ada", kind="posixGroup"), user="mail")
    assert (error.where, error.what) == ("export:13", "two users have the uid 'ada' of a member")


def test_no_value_that_is_not_a_name_is_in_an_error(refuse: Refuse) -> None:
    for line in ("userPassword:: s3cr3t", "s3cr3t", "userPassword:< s3cr3t", "dn: s3cr3t"):
        assert "s3cr3t" not in str(refuse("ldif", ADA[:-1] + line + "\n\n"))
