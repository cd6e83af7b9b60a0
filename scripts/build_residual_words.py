"""Make data/residual_words.json: words of the DICOM vocabulary, which say nothing of a person when they stand alone.

Taken from the names of attributes (PS3.6) and the meanings of codes (PS3.16) as pydicom carries them, and from the
short lists below, which are Sluice's own. Run it for a newer edition: `python scripts/build_residual_words.py`.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections import Counter
from pathlib import Path

import pydicom
from pydicom import datadict
from pydicom.sr import _cid_dict as cids
from pydicom.sr import _concepts_dict as concepts

TARGET = Path(__file__).parent.parent / "tasks" / "deidentify" / "data" / "residual_words.json"
LEAST = 4  # shorter parts of a name are not looked for alone
USUAL = 3  # a word of fewer codes is rarely met, and too often a surname (Müller, Simpson, Wilson)
ELSEWHERE = ("Breed", "Species", "Strain", "Country", "Language", "Ethnic", "Religi")  # lists full of names
SURNAMES = """
    alexander arbuckle barrett bengal berger bernard campbell capra carmine chitty clements cruz dekalb devon
    evans fitzpatrick fleischner fontan frank ganesh glenn hadlock hansmann hodgkin hunter james jeanty joslin
    kerley leen luten marsh merz miller moore nottingham osaka paget parkinson petit pinto pisa shepherd
    taylor trotter valsalva victoria violet york
"""
SEQUENCES = """
    blade ciss cube dess dixon fiesta flair fspgr grappa haste inphase lava medic mprage opposed phase
    propeller quick restore resolve ssfse spgr spair spir stir swan thrive tirm trufi truefisp turbo twist vibe
    vista vols space bold localizer localiser scout topogram surview survey routine helical spiral kernel recon
    reconstruction thin thick soft bone lung sharp smooth standard monochrome average images phantom head neck
    abdomen pelvis thorax whole total single multi dual fast high low ultra view upper lower left right short
    long axis early late delayed portal plain
"""
PARTS_OF_THE_BODY = """
    abdomenpelvis chestabdomen chestabdpelvis cspine cspinet ctspine extremity headneck lspine lsspine neckchest
    neckchestabdomen neckchestabdpelv sspine tlspine tspine upperlimb lowerlimb wholebody
"""
PLACES = """
    academic associates campus cancer center centre centrum centro chirurgie clinica clinic clinique clinics
    college community county department diagnostic diagnostics diagnostik east eastern emergency foundation
    general group health healthcare hopital hôpital hospital hospitals hospitalier hospices imaging institut
    institute institution internal kardiologie kinderklinik klinik klinikum klinische krankenhaus laboratory
    medical medicine medizin medizinische medizinisches memorial mobile national neurologie neurology
    neuroradiology neuroradiologie north northern nuklearmedizin oncology onkologie orthopedics ospedale
    outpatient practice praxis private radiologia radiologie radiologisches radiology regional research royal
    saint sankt santa school science sciences services sjukhus south southern special specialist surgery szpital
    tomografie tomography unit university universitair universitaire universität universitaet
    universitätsklinikum universitaetsklinikum universitario ultrasound veterans veterinary west western
    ziekenhuis zentrum
"""


def main() -> None:
    """Collect the words and write the file."""
    names = [entry[2] for entry in vars(datadict)["DicomDictionary"].values()]
    usual = Counter(word for meaning in meanings() for word in words_of(meaning))
    found = {word for text in [*names, SEQUENCES, PARTS_OF_THE_BODY, PLACES] for word in words_of(text)}
    found |= {word for word, count in usual.items() if count >= USUAL}
    source = (
        f"Words of attribute names (PS3.6) and code meanings (PS3.16) as pydicom {pydicom.__version__} carries them, "
        "and Sluice's own lists of sequences, parts of the body and institutions; made by "
        "scripts/build_residual_words.py. Alone they name nobody."
    )
    words = "\n".join(textwrap.wrap(" ".join(sorted(found - words_of(SURNAMES))), 160, break_on_hyphens=False))
    lines = ",\n".join(json.dumps(line, ensure_ascii=False) for line in words.split("\n"))
    TARGET.write_text(f'{{\n"source": {json.dumps(source)},\n"words": [\n{lines}\n]\n}}\n', encoding="utf-8")


def meanings() -> set[str]:
    """The meanings of all codes, but for those of lists that are full of names."""
    left_out = {number for number, name in cids.name_for_cid.items() if any(word in name for word in ELSEWHERE)}
    codes = [code for scheme in concepts.concepts.values() for codes in scheme.values() for code in codes.values()]
    return {meaning for meaning, lists in codes if not lists or set(lists) - left_out}


def words_of(text: str) -> set[str]:
    """The words of a text, in lower case."""
    return {word.lower() for word in re.findall(rf"[^\W\d_]{{{LEAST},}}", text)}


if __name__ == "__main__":
    main()
