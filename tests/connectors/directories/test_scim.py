"""SCIM 2.0 in JSON."""

from __future__ import annotations

import json

import pytest

from tests.connectors.directories.conftest import MEMBERS_OF, SCIM, Export, Refuse, group, listed, user

ADA = user("1", "ada")


def test_a_plain_list_is_as_good_as_a_list_response(export: Export) -> None:
    resources = json.loads(SCIM)["Resources"]
    assert export("scim", json.dumps(resources)).read().members_of == MEMBERS_OF


def test_a_directory_may_be_empty_as_long_as_it_says_so(export: Export) -> None:
    empty = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"], "totalResults": 0}
    for text in ("[]", json.dumps(empty), listed()):
        assert export("scim", text).read().members_of == {}


def test_names_of_attributes_come_in_any_case(export: Export) -> None:
    resources = json.loads(SCIM)["Resources"]
    text = json.dumps([{key.upper(): value for key, value in one.items()} for one in resources])
    assert export("scim", text).read().members_of == MEMBERS_OF


def test_what_is_unassigned_is_nothing(export: Export) -> None:
    text = json.dumps([{**group("1", "a"), "members": None}, {"id": "2", "displayName": "b"}])
    assert export("scim", text).read().members_of == {"group:a": frozenset(), "group:b": frozenset()}


def test_groups_may_hold_each_other_and_themselves(export: Export) -> None:
    text = listed(group("1", "a", "2"), group("2", "b", "1", "2"))
    assert export("scim", text).read().members_of == {
        "group:a": frozenset({"group:b"}),
        "group:b": frozenset({"group:a", "group:b"}),
    }


def test_who_is_not_active_is_in_no_group_whatever_they_are_called(export: Export) -> None:
    gone = [user("2", "ada", active=False), user("3", "not a name", active=False)]
    text = listed(ADA, *gone, group("9", "eng", "1", "2", "3"))
    assert export("scim", text).read().members_of == {"group:eng": frozenset({"user:ada"})}


def test_a_user_may_be_named_by_the_primary_email(export: Export) -> None:
    emails = [{"value": "a@home"}, {"value": "ada@acme.example", "primary": True}]
    text = listed(
        user("1", "ada", emails=emails),
        user("2", "bob", emails=[{"value": "bob@acme.example"}]),
        user("3", "robot"),
        group("9", "eng", "1", "2"),
    )
    assert export("scim", text, user="emails").read().members_of == {
        "group:eng": frozenset({"user:ada@acme.example", "user:bob@acme.example"})
    }


@pytest.mark.parametrize(("option", "name"), [("id", "group:9f-1"), ("externalId", "group:S-1-5")])
def test_a_group_may_be_named_by_an_id(export: Export, option: str, name: str) -> None:
    text = listed(ADA, group("9f-1", "Sales Team", "1", externalId="S-1-5"))
    assert export("scim", text, group=option).read().members_of == {name: frozenset({"user:ada"})}


def test_a_name_that_is_no_principal_is_refused_with_the_way_out(refuse: Refuse) -> None:
    error = refuse("scim", listed(ADA, group("9", "Sales Team", "1")))
    assert error.where == "export, entry 2"
    assert error.what.startswith("'group:Sales Team' has an empty name, white space")
    assert "group: id" in error.next_step


@pytest.mark.parametrize("name", ["", "a b", "ada\n", "ada\u200b", "e\u0301va", "\ud800", "a" * 513])
def test_a_user_is_called_exactly_as_the_directory_writes_it_or_not_at_all(refuse: Refuse, name: str) -> None:
    error = refuse("scim", listed(ADA, user("2", name)))
    assert error.where == "export, entry 2"
    assert len(error.what) < 200


def test_a_look_alike_is_another_group(export: Export) -> None:
    cyrillic = "\u0435ng"
    text = listed(ADA, group("8", "eng", "1"), group("9", cyrillic))
    assert export("scim", text).read().members_of == {
        "group:eng": frozenset({"user:ada"}),
        f"group:{cyrillic}": frozenset(),
    }


def test_a_group_of_twenty_thousand_is_whole(export: Export) -> None:
    ids = [str(number) for number in range(20_000)]
    text = listed(*(user(id, f"u{id}") for id in ids), group("g", "all", *ids))
    assert export("scim", text).read().members_of == {"group:all": frozenset(f"user:u{id}" for id in ids)}


def test_members_outside_the_file_are_left_out_only_if_told(export: Export, refuse: Refuse) -> None:
    text = listed(ADA, group("9", "eng", "1", "777"))
    error = refuse("scim", text)
    assert (error.where, error.what) == (
        "export, entry 2",
        "the member '777' is no user or group of this export",
    )
    assert "ignore_unknown" in error.next_step
    assert "deny" in error.next_step
    members_of = export("scim", text, ignore_unknown=True).read().members_of
    assert members_of == {"group:eng": frozenset({"user:ada"})}


def test_users_without_the_groups_they_are_in_are_half_an_export(export: Export, refuse: Refuse) -> None:
    text = listed(user("1", "ada", groups=[{"value": "9", "display": "eng"}]))
    assert "the group '9', which a user is said to be in" in refuse("scim", text).what
    assert export("scim", text, ignore_unknown=True).read().members_of == {}


@pytest.mark.parametrize(
    ("resources", "entry", "what"),
    [
        ([ADA, user("2", "ada")], 2, "two entries are 'user:ada', the other at "),
        ([group("1", "a"), group("2", "a")], 2, "two entries are 'group:a', the other at "),
        ([ADA, group("1", "a")], 2, "'1' is there twice, first at "),
        ([ADA, "text"], 2, "not an object"),
        ([{**ADA, "id": 1}], 1, "id is not text"),
        ([{**ADA, "id": ""}], 1, "a resource without id"),
        ([{**ADA, "userName": 5}], 1, "userName is not text"),
        ([{**ADA, "active": "False"}], 1, "active is neither true nor false"),
        ([{**ADA, "active": 0}], 1, "active is neither true nor false"),
        ([{**ADA, "schemas": "User"}], 1, "schemas is not a list of names"),
        ([{**ADA, "schemas": ["urn:acme:Device"]}], 1, "a resource that is not clearly"),
        ([{**ADA, "meta": {"resourceType": "Group"}}], 1, "a resource that is not clearly"),
        ([{**ADA, "meta": {"resourceType": "Device"}}], 1, "a resource that is not clearly"),
        ([{"id": "1"}], 1, "a resource that is not clearly"),
        ([{"id": "1", "userName": "a", "members": []}], 1, "a resource that is not clearly"),
        ([{"id": "1", "members": []}], 1, "a group without displayName"),
        ([ADA, {**group("2", "a"), "members": "1"}], 2, "members is not a list"),
        ([ADA, {**group("2", "a"), "members": ["1"]}], 2, "members has something in it that is not"),
        ([ADA, {**group("2", "a"), "members": [{"display": "ada"}]}], 2, "a member without value"),
        ([ADA, {**group("2", "a"), "members": [{"value": 1}]}], 2, "value is not text"),
        ([ADA, {**group("2", "a"), "members": [{"value": "1", "type": "Group"}]}], 2, "the member '1' is no"),
        ([user("1", None), group("2", "a", "1")], 2, "the member '1' has no name, see "),  # type: ignore[arg-type]  # wrong on purpose
    ],
)
def test_what_leaves_a_doubt_is_refused_with_the_entry(
    refuse: Refuse, resources: list[object], entry: int, what: str
) -> None:
    error = refuse("scim", listed(*resources))
    assert error.what.startswith(what)
    assert error.where == f"export, entry {entry}"


def test_of_several_emails_one_is_primary(refuse: Refuse) -> None:
    emails = [{"value": "a@x", "primary": True}, {"value": "b@x", "primary": True}]
    error = refuse("scim", listed(user("1", "ada", emails=emails)), user="emails")
    assert error.what == "of 2 emails not exactly one is primary"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (listed(ADA, total=2), "totalResults is 2, but 1 Resources are there: not the whole list"),
        (listed(ADA, total=0), "totalResults is 0, but 1 Resources are there: not the whole list"),
        (listed(ADA, total="1"), "a ListResponse has a whole number totalResults"),
        (listed(ADA, total=True), "a ListResponse has a whole number totalResults"),
        (json.dumps(ADA), "neither a list of resources nor a ListResponse"),
        ('{"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": "401"}', "neither a list"),
        ("null", "neither a list"),
        ("5", "neither a list"),
        ("[" * 100_000, "nested too deeply"),
        ('[{"a":' * 100_000, "nested too deeply"),
        (f"[{'1' * 5000}]", "not JSON that can be read: a number is too long"),
        ("[]\n[]", "not JSON: Extra data"),
    ],
)
def test_a_list_that_is_not_whole_is_refused(refuse: Refuse, text: str, what: str) -> None:
    assert refuse("scim", text).what.startswith(what)


def test_broken_json_is_named_by_its_line(refuse: Refuse) -> None:
    assert refuse("scim", "[\n{}\n,").where == "export:3"
    assert refuse("scim", b'[\n"\xff"]').where == "export:2"


@pytest.mark.parametrize(
    ("second", "key"),
    [
        ('{"id": "9", "displayName": "a", "members": [], "members": [{"value": "1"}]}', "members"),
        ('{"id": "9", "displayName": "a", "members": [], "Members": [{"value": "1"}]}', "members"),
        ('{"id": "9", "displayName": "a", "members": [{"value": "1", "value": "2"}]}', "value"),
    ],
)
def test_of_two_keys_alike_neither_is_believed(refuse: Refuse, second: str, key: str) -> None:
    error = refuse("scim", f"[{json.dumps(ADA)}, {second}]")
    assert error.what == f"the key '{key}' is there twice in one object"
    assert error.where == "export, entry 2"
    outside = refuse("scim", listed(ADA).replace('"totalResults": 1', '"totalResults": 1, "totalresults": 1'))
    assert outside.where == "export"
