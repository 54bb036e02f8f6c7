"""A project of forty short documents in two sources, with questions that each have one right document."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from tests.flows.projects import TinyProject, write_lines

ADA, HUGO, CLEO, EVE = (
    "user:ada@works.example",
    "user:hugo@works.example",
    "user:cleo@works.example",
    "user:eve@else.example",
)
"""Ada is staff. So are Hugo, of People, and Cleo, of the board. Eve is a stranger."""

METRICS = '{"nDCG@10": {floor: 0.60, margin: 0.02}, Faithfulness: {floor: 0.80, margin: 0.05}}'
CONFIG = f"""\
project: works
state: .lockgate
groups: groups.yaml
sources:
  - name: pages
    connector: filesystem
    path: pages
    access: {{default: deny}}
    freshness: {{max_lag: 24h}}
  - name: notes
    connector: jsonl
    path: notes.jsonl
    access: {{default: public}}
golden: [golden.jsonl]
gate:
  metrics: {METRICS}
"""


class Fact(NamedTuple):
    """One document. Its first sentence answers the question, if there is one."""

    id: str
    title: str
    text: str
    question: str = ""
    answer: str = ""


def facts(table: str) -> tuple[Fact, ...]:
    """Blocks of lines: ``id: title``, the text, and a question with its answer behind the question mark."""
    found = []
    for block in table.strip().split("\n\n"):
        head, text, *asked = block.splitlines()
        id, title = head.split(": ", 1)
        question, _, answer = "".join(asked).partition("? ")
        found.append(Fact(id, title, text, f"{question}?" if asked else "", answer))
    return tuple(found)


MACHINES = facts("""
kestrel: Kestrel pump
The Kestrel pump moves 140 litres of water a minute. Its seals come from a dealer in Delft.
How many litres of water a minute does the Kestrel pump move? 140 litres

marten: Marten lathe
The Marten lathe turns shafts up to 320 millimetres across. Chips are swept up after every shift.
Up to how many millimetres across are the shafts that the Marten lathe turns? 320 millimetres

bittern: Bittern crane
The Bittern crane lifts loads of at most 12 tonnes. Only trained drivers climb into its cabin.
What loads does the Bittern crane lift at most? 12 tonnes

plover: Plover kiln
The Plover kiln fires clay tiles at 1080 degrees. It cools down over a whole night.
At how many degrees does the Plover kiln fire clay tiles? 1080 degrees

stoat: Stoat forklift
The battery of the Stoat forklift lasts 7 hours. It is charged beside the loading ramp.
How many hours does the battery of the Stoat forklift last? 7 hours

heron: Heron compressor
The Heron compressor delivers air at 9 bar. Its filter is rinsed on Mondays.
At how many bar does the Heron compressor deliver air? 9 bar

otter: Otter dishwasher
The Otter dishwasher in the canteen takes 25 minutes for one load of plates. Salt is refilled by the cook.
How many minutes does the Otter dishwasher in the canteen take for a load of plates? 25 minutes

curlew: Curlew laser
The Curlew laser cuts steel sheets of up to 18 millimetres. Goggles hang at the door of its room.
Steel sheets of how many millimetres does the Curlew laser cut? 18 millimetres

linnet: Linnet label printer
The Linnet label printer prints 60 labels a minute. Ribbons are in the drawer below it.
How many labels a minute does the Linnet label printer print? 60 labels

dunlin: Dunlin conveyor
The Dunlin conveyor carries parcels over 45 metres. A red cord stops it anywhere.
Over how many metres does the Dunlin conveyor carry parcels? 45 metres
""")
"""For all staff."""

RULES = facts("""
lockers: Lockers in the changing room
A lost key of a locker in the changing room costs 15 euros. The porter has spare ones.
What does a lost key of a locker in the changing room cost? 15 euros

parking: Parking bicycles
The bicycle shed has room for 80 bicycles. Helmets are hung on the hooks.
For how many bicycles does the bicycle shed have room? 80 bicycles

fire: Fire drill
The fire drill is held on 14 May each year. Everybody meets below the chestnut tree.
On which day of the year is the fire drill held? 14 May

canteen: Canteen lunch
Lunch in the canteen is served from 11:30. The soup is made of vegetables from the neighbourhood.
From when is lunch served in the canteen? 11:30

overtime: Overtime
Overtime above 20 hours a month needs the consent of the works council. It can be taken as free days in winter.
Overtime above how many hours a month needs the consent of the works council? 20 hours

library: Library of manuals
Manuals may be borrowed from the library for 21 days. A list of them hangs at the entrance.
For how many days may manuals be borrowed from the library? 21 days

wifi: Wireless network for guests
The password of the guests' wireless network changes every 90 days. It is written on a card at reception.
Every how many days does the password of the guests' wireless network change? 90 days

garden: The garden
The hedge along the canal is usually cut by volunteers. Tomatoes ripen against the southern wall.
""")
"""For all staff; nobody asks about the garden."""

PEOPLE = facts("""
warnings: Written warnings
A written warning is removed from a personnel file after 24 months. Both sides sign it.
After how many months is a written warning removed from a personnel file? 24 months

salaries: Salary bands
The salary band of a shift leader ends at 4,300 euros a month. Bands are reviewed in autumn.
At how many euros does the salary band of a shift leader end? 4,300 euros

severance: Severance
Severance is half a monthly wage for each of the first 10 years. The lawyer checks each case.
For how many of the first years is severance half a monthly wage each? 10 years

sickness: Long sickness
After 42 days of sickness a talk about the return to work is offered. Nobody has to accept it.
After how many days of sickness is a talk about the return to work offered? 42 days

applicants: Files of applicants
Files of rejected applicants are shredded after 6 months. The shredder stands in the archive.
""")
"""For the group people alone."""

BOARD = facts("""
merger: Project Sandpiper
The price for the merger with Sandpiper is capped at 31 million euros. The advisers meet in Basel.
At how many million euros is the price for the merger with Sandpiper capped? 31 million euros

bonus: Bonus of directors
The bonus of directors is 17 percent of the profit target. It is decided in a closed session.
What percentage of the profit target is the bonus of directors? 17 percent

plant: The plant in Leeds
The plant in Leeds is to be closed within 3 years. Its machines would be sold.
""")
"""For the group board alone."""

PUBLIC_NOTES = facts("""
opening: Opening of the factory shop
The factory shop opens at 9:15 on Saturdays. Seconds are sold in the cellar.
When does the factory shop open on Saturdays? 9:15

returns: Returning goods
Goods can be returned to the shop within 30 days with the receipt. Postage is paid by the sender.
Within how many days can goods be returned to the shop with the receipt? 30 days

tours: Guided tours
A guided tour of the foundry takes 50 minutes. Children get a hard hat.
How many minutes does a guided tour of the foundry take? 50 minutes

founding: History of the works
The works were founded in 1927 by two sisters. Their first product was a garden pump.
In which year were the works founded by two sisters? 1927

museum: Ticket for the museum
A ticket for the museum of steam costs 4 euros. Members of the club walk in free.
How much does a ticket for the museum of steam cost? 4 euros

ferry: The ferry to the works
The ferry to the works leaves the quay every 40 minutes. Dogs ride along on a lead.
Every how many minutes does the ferry to the works leave the quay? 40 minutes

paint: Paint for outdoor use
One tin of outdoor paint covers 16 square metres of wall. It dries slowly in damp weather.
How many square metres of wall does one tin of outdoor paint cover? 16 square metres

choir: The choir
The choir of the works often sings in the old boiler house. New voices are welcome.
""")
"""For everybody; nobody asks about the choir."""

STAFF_NOTES = facts("""
alarm: Code of the gate
The code of the northern gate is 7741 until the summer. It must not be told to visitors.
What is the code of the northern gate until the summer? 7741

truck: Service of the truck
The delivery truck is serviced every 15,000 kilometres. The garage lends a van meanwhile.
Every how many kilometres is the delivery truck serviced? 15,000 kilometres

gloves: Order of gloves
Leather gloves are ordered in boxes of 36 pairs. Small sizes run out first.
In boxes of how many pairs are leather gloves ordered? 36 pairs

server: Backup of the server
Backups of the drawings server are kept for 400 days. The tapes lie in a bank.
For how many days are backups of the drawings server kept? 400 days

coolant: Mixing coolant
Coolant is mixed as 5 parts of oil to a hundred parts of water. Stir it with the wooden paddle.
How many parts of oil to a hundred parts of water is coolant mixed as? 5 parts

archive: Archive of drawings
Drawings before 1962 are stored on paper in the tower. The lift there is out of use.
Drawings before which year are stored on paper in the tower? 1962
""")
"""For all staff."""

FORBIDDEN = (
    ("people/salaries.md", ADA),
    ("people/warnings.md", ADA),
    ("people/severance.md", CLEO),
    ("board/merger.md", ADA),
    ("board/bonus.md", HUGO),
    ("machines/kestrel.md", EVE),
)
UNANSWERABLE = (
    "What is the melting point of tungsten carbide in kelvin?",
    "Who won the chess tournament in Reykjavik?",
    "How long do penguins hold their breath?",
    "Which airline flies nonstop from Quito to Perth?",
    "What did the astronomer name the comet?",
    "How is sourdough starter fed with rye?",
)

PAGES: Mapping[str, tuple[str, tuple[Fact, ...]]] = {
    "machines": (ADA, MACHINES),
    "rules": (ADA, RULES),
    "people": (HUGO, PEOPLE),
    "board": (CLEO, BOARD),
}
"""Folder to who asks about its documents, and the documents."""
NOTES = ((ADA, PUBLIC_NOTES), (HUGO, STAFF_NOTES))


def works_project(root: Path) -> TinyProject:
    """The project above, with nothing ingested."""
    project = TinyProject(root)
    root.mkdir(parents=True, exist_ok=True)
    project.write_config(CONFIG)
    (root / "groups.yaml").write_text(
        f'"group:staff": ["{ADA}", "group:people", "group:board"]\n'
        f'"group:people": ["{HUGO}"]\n"group:board": ["{CLEO}"]\n',
        encoding="utf-8",
    )
    project.write_page(".access.yaml", 'allow: ["group:staff"]\n')
    for folder in ("people", "board"):
        project.write_page(f"{folder}/.access.yaml", f'allow: ["group:{folder}"]\n')
    for folder, (_, facts) in PAGES.items():
        for fact in facts:
            project.write_page(f"{folder}/{fact.id}.md", f"# {fact.title}\n\n{fact.text}\n")
    staff = {"access": {"allow": ["group:staff"]}}
    write_lines(
        root / "notes.jsonl",
        [
            {"_id": fact.id, "title": fact.title, "text": fact.text, **extra}
            for facts, extra in ((PUBLIC_NOTES, {}), (STAFF_NOTES, {"metadata": staff}))
            for fact in facts
        ],
    )
    write_questions(project)
    return project


def write_questions(project: TinyProject, *, forbidden: bool = True) -> None:
    """Thirty-six that can be answered, six that cannot, and six that ask for what is not for who asks."""
    asked = [
        (f"pages/{folder}/{fact.id}.md", who, fact)
        for folder, (who, facts) in PAGES.items()
        for fact in facts
        if fact.question
    ]
    asked += [(f"notes/{fact.id}", who, fact) for who, facts in NOTES for fact in facts if fact.question]
    lines: list[Mapping[str, object]] = [
        {
            "id": fact.id,
            "question": fact.question,
            "principal": who,
            "kind": "answerable",
            "expected": {document: 1},
            "answer": fact.answer,
        }
        for document, who, fact in asked
    ]
    lines += [
        {
            "id": f"none-{number}",
            "question": question,
            "principal": ADA,
            "kind": "unanswerable",
            "expected": {},
        }
        for number, question in enumerate(UNANSWERABLE)
    ]
    question_of = {document: fact.question for document, _, fact in asked}
    if forbidden:
        lines += [
            {
                "id": f"not-{number}",
                "question": question_of[f"pages/{page}"],
                "principal": who,
                "kind": "forbidden",
                "expected": {f"pages/{page}": 1},
            }
            for number, (page, who) in enumerate(FORBIDDEN)
        ]
    write_lines(project.root / "golden.jsonl", lines)
