"""Make `words.json.gz` and `names.json.gz` from public word lists; run again when a source changes.

    apt-get download scowl && dpkg-deb -x scowl_*.deb FOLDER
    pip install names==0.3.0 Faker==40.54.0          # not needed at run time: in an environment of their own
    python scripts/build_word_lists.py --scowl FOLDER/usr/share/dict/scowl --icd icd10cm-order-Jan-2021.txt.gz

What is written are words by what they are, several where a key has several: `ordinary` English, `clinical`, a `name`
of people, `both` (a name that is a word in lower case, but more often a name), `frequent` (a name that is a word that
may stay, and so common that a cue before it is enough), `veto` (a name that looks like a medical word). All in lower
case without accents. Words that are written by hand are in radiology_words.json, which is read as it stands.
"""

from __future__ import annotations

import argparse
import gzip
import importlib
import importlib.util
import json
import pkgutil
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from tasks.deidentify.words import shapes, vocabulary
from tasks.deidentify.words.tokens import fold, tuple_of, words_of

DATA = Path(__file__).resolve().parent.parent / "tasks" / "deidentify" / "data"
SOURCE = json.loads((DATA / "word_sources.json").read_text(encoding="utf-8"))["source"]
LEVELS = (10, 20, 35, 40, 50, 55, 60, 70, 80)
DIALECTS = ("english", "american", "british", "british_z", "canadian", "variant_1")
ORDINARY = 60  # SCOWL's size that counts as ordinary English; 35 is what everybody uses
WORD = re.compile(r"[^\W\d_]+")
LATIN = re.compile(r"[a-z]{3,}")
SURNAMES = 16000  # of the census, by how many bear them: the rest is told by being no word

# Ordinary words that are also frequent names, by the rule below names first, and yet wanted in a text.
WORDS_FIRST = words_of(
    """walker gill stout french cherry berry crane carpenter horn beach bass ginger olive lily christian martin
    robin van kelvin autumn sterling clement prater schilling corona greenfield manual major angle tom lance
    august summer drew grant chance may will mark ray art gene bill in an so do he her his so my see"""
)
# In a rare word, these tell a word of medicine.
ROOTS = tuple_of(
    """abdomin acetabul adenit adenom alveol amygdal anastomo aneurysm angin angio anthrac aponeur append arachn
    areol arter arthr atelect auric axill bacter bilir blephar brachi bronch calcan calcif carcin cardi carot
    cartilag cecum cephal cerebell cerebr chiasm cholang chondr choroid cirrh clavic cochle colitis condyl
    conjunct coron crani cutane dendr diaphragm diverticul duoden dural ectopi edema embol encephal endocr enter
    eosin epicond epigastr epiglott epiphys epithel erythem erythr esophag ethm exosto fasci femor fibro fibul
    fistul gangli gastr genicul genit gingiv gleno glioma gliosis granul hallux hamart hepat hippocamp histio
    humer hyoid idiopath ileum ilium immun infarct inguin ischem ischi jejun jugul keloid kerat kyph lacrim
    lamin laryn leuk ligam lumbar luxat lymph macul malleol mamm mandib mastit mastoid maxill mediast medull
    melan mening menisc mesench mesent metacarp metast metatars mitral mucos muscul myelo myoma navicul necro
    neoplas nephr neural nodul occip ocular odont olecran ophthalm orbit osseo osteo ovari palat palmar palpebr
    pancrea papill parenchym parot patell pathol pector pelvi perone phalan pharyn phleb pineal pituit plasm
    pleur pneum polyp poplit prostat pulmon pylor radicul radio rectal retin sacral saliv sarco scaphoid scapul
    sciat scler scoli scrot sigmoid sperm sphen spinal splen spondyl squam stapes steat stenos stern subcut
    suprar symphys syndesm synov systol tarsal tempor tendin testic thalam thorac thromb thym thyr tibia tonsil
    trabec trache trochant tubercul tympan ulcer umbil ureter urethr urin uterine uvula vagin varic vascul
    ventric vermis vertebr vesic vestib vitre xipho zygom lingul eventr demonstr tortuos"""
)
NAMES_FIRST = words_of("""smith jack frank bob nick don sue pat bond prince roman sandy drake curry wade rod rob""")


def main() -> int:
    """Write the lists; prints how many words each has."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--scowl", type=Path, required=True)
    parser.add_argument("--icd", type=Path, required=True)
    parser.add_argument("--target", type=Path, default=DATA)
    arguments = parser.parse_args()
    levels = scowl(arguments.scowl)
    ranks, given = census()
    everyone = set(ranks) | set(given) | set(faker())
    by_hand = written_by_hand()
    ordinary = {word for word, level in levels.items() if level <= ORDINARY}
    name_first = {word for word in everyone & set(levels) if is_name_first(word, levels[word], ranks, given)} - by_hand
    proper = proper_names(arguments.scowl)
    codes = {
        word for word in dicom() if word not in proper or levels.get(word, 99) <= ORDINARY
    }  # no breeds, no provinces
    clinical = {word for word in icd(arguments.icd) | codes if word not in everyone or levels.get(word, 99) <= ORDINARY}
    clinical |= {word for word in levels if levels[word] > ORDINARY and word not in everyone and is_medical(word)}
    clinical -= name_first | ordinary  # a word of both is no sign of medicine
    ordinary -= name_first
    allowed = ordinary | clinical | by_hand
    # Short names are all needed: an abbreviation that is none of them may stay.
    often = {name for name in ranks if ranks[name] <= SURNAMES or (len(name) <= 5 and name not in allowed)}
    often |= set(given) | set(faker())
    frequent = {word for word in allowed & everyone if ranks.get(word, 99999) <= 1500 or given.get(word, 0) >= 0.01}
    both = name_first & {word for word, level in levels.items() if level <= ORDINARY}
    lists: dict[str, set[str]] = {}
    everyone |= proper
    plain = allowed - everyone
    inflected = {word for word in plain if any(stem in plain for stem in shapes.stems(word))}  # told from their stems
    veto: set[str] = set()
    chosen = (allowed - inflected) | often | frequent | both
    # Twice: names that look like medical words are found by asking the vocabulary that was just written.
    for _ in range(2):
        lists = grouped(chosen | veto, ordinary, clinical, both, frequent, veto, often)
        write(arguments.target, lists)
        for cached in (vocabulary.words, vocabulary.names, vocabulary.flags_of):
            cached.cache_clear()
        veto |= {name for name in everyone - chosen - by_hand if vocabulary.is_known(name)}
    counts = ", ".join(f"{name} {len(words)}" for name, words in sorted(lists.items()))
    sizes = [(arguments.target / name).stat().st_size for name in ("words.json.gz", "names.json.gz")]
    sys.stdout.write(f"{counts}; {sizes} bytes\n")
    return 0


def grouped(
    words: set[str],
    ordinary: set[str],
    clinical: set[str],
    both: set[str],
    frequent: set[str],
    veto: set[str],
    often: set[str],
) -> dict[str, set[str]]:
    """`words` by what they are, as the keys of the file say it."""
    lists: dict[str, set[str]] = {}
    for word in words:
        flags = (
            ("ordinary", word in ordinary),
            ("clinical", word in clinical),
            ("both", word in both),
            ("frequent", word in frequent),
            ("veto", word in veto),
            ("name", word in often and not {word} & (both | frequent | veto)),
        )
        key = " ".join(name for name, holds in flags if holds)
        if key:
            lists.setdefault(key, set()).add(word)
    return lists


def write(target: Path, lists: dict[str, set[str]]) -> None:
    """The lists as compressed JSON, the same bytes for the same words."""
    by_hand = lists["name"] & set(
        vocabulary.by_hand()
    )  # names that are words of radiology_words.json stay with the words
    for path, parts in (
        (target / "words.json.gz", lists | {"name": by_hand}),
        (target / "names.json.gz", {"name": lists["name"] - by_hand}),
    ):
        content = {"source": SOURCE} | {name: " ".join(sorted(words)) for name, words in sorted(parts.items())}
        text = json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode()
        path.write_bytes(gzip.compress(text, 9, mtime=0))


def is_medical(word: str) -> bool:
    """Whether a rare word of SCOWL is one of medicine, by its root or its ending."""
    return shapes.is_medical(word) or (len(word) > 5 and any(root in word for root in ROOTS))


def is_name_first(word: str, level: int, ranks: dict[str, int], given: dict[str, float]) -> bool:
    """Whether a word of SCOWL is far more often a name: the rarer the word, the less frequent a name need be."""
    if word in WORDS_FIRST:
        return False
    rank, share = ranks.get(word, 99999), given.get(word, 0.0)
    return (
        word in NAMES_FIRST
        or (level >= 35 and (rank <= 1000 or share >= 0.02))
        or (level >= 50 and (rank <= 5000 or share > 0))
        or level > ORDINARY
    )


def scowl(folder: Path) -> dict[str, int]:
    """Each word written in lower case, with the smallest SCOWL size that has it."""
    levels: dict[str, int] = {}
    for level in LEVELS:
        for dialect in DIALECTS:
            path = folder / f"{dialect}-words.{level}"
            if path.is_file():
                for word in path.read_text(encoding="latin-1").split():
                    if "'" not in word:
                        levels.setdefault(fold(word), level)
    return levels


def proper_names(folder: Path) -> set[str]:
    """Names of people and places that SCOWL has: none of them may pass for a word by its parts."""
    paths = sorted([*folder.glob("*-proper-names.*"), *folder.glob("*-upper.*")])
    texts = (path.read_text(encoding="latin-1") for path in paths)
    words = {fold(word) for text in texts for word in text.split() if word.isalpha()}
    return {word for word in words if len(word) > 3}


def icd(path: Path) -> set[str]:
    """The words of the long titles of the ICD-10-CM order file (fixed width: they start at column 77)."""
    with gzip.open(path, "rt", encoding="utf-8", errors="replace") as lines:
        return {fold(word) for line in lines for word in WORD.findall(line[77:]) if len(word) > 2}


def dicom() -> set[str]:
    """The words of the code meanings and of the attributes' names that pydicom carries."""
    from pydicom._dicom_dict import DicomDictionary
    from pydicom.sr._concepts_dict import concepts

    texts = [row[2] for row in DicomDictionary.values()]
    texts += [meaning for scheme in concepts.values() for codes in scheme.values() for meaning, _ in codes.values()]
    return {fold(word) for text in texts for word in WORD.findall(text) if len(word) > 2}


def census() -> tuple[dict[str, int], dict[str, float]]:
    """Surnames by rank, and given names by the percentage of people who bear them."""
    found = importlib.util.find_spec("names")
    if found is None or found.origin is None:
        raise SystemExit("the package names is missing: pip install names==0.3.0")
    folder = Path(found.origin).parent
    rows = [line.split() for line in (folder / "dist.all.last").read_text(encoding="ascii").splitlines()]
    ranks = {row[0].lower(): place for place, row in enumerate(rows, 1)}
    given: dict[str, float] = {}
    for name in ("dist.female.first", "dist.male.first"):
        for line in (folder / name).read_text(encoding="ascii").splitlines():
            row = line.split()
            given[row[0].lower()] = max(float(row[1]), given.get(row[0].lower(), 0.0))
    return ranks, given


def faker() -> Iterator[str]:
    """The parts of the given and family names of every locale of Faker that is written in Latin letters."""
    import faker.providers.person as person

    for module in pkgutil.iter_modules(person.__path__):
        provider = importlib.import_module(f"{person.__name__}.{module.name}").Provider
        for attribute in dir(provider):
            values = getattr(provider, attribute)
            if ("first_name" in attribute or "last_name" in attribute) and isinstance(values, list | tuple | dict):
                for value in values:
                    if isinstance(value, str):
                        yield from (part for part in map(fold, WORD.findall(value)) if LATIN.fullmatch(part))


def written_by_hand() -> set[str]:
    """All words of radiology_words.json but the eponyms, which are names first."""
    by_hand = vocabulary.by_hand()
    return {word for word, flags in by_hand.items() if not flags & (vocabulary.EPONYM | vocabulary.IN_CONTEXT)}


if __name__ == "__main__":
    raise SystemExit(main())
