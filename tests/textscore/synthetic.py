"""Notes and reports with planted identifiers, written for this measure: a template, and what its slots hold.

The templates are in two halves: the rules are tuned on `tuning`, and `held out` says how well they do on others.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from datetime import date, timedelta

from tests.textscore.people import ADDRESSES, CITIES, DATES, HOSPITALS, Person, people, phone

TEMPLATES = {
    "tuning": (
        "CHEST RADIOGRAPH {DATE}\nHistory: cough and fever. Referred by Dr. {STAFF}.\nComparison: {DATE}.\nFindings: The lungs are clear. No pleural effusion or pneumothorax. "
        "Heart size is normal.\nImpression: No acute cardiopulmonary disease.\nElectronically signed by {STAFF}, MD on {DATE}.",
        "Patient: {PATIENT}   MRN: {ID}   DOB: {DATE}\nExam: CT abdomen and pelvis with contrast. Technique: 5 mm axial images after 100 mL Omnipaque 350.\nThere is a 2.3 x 1.8 cm hypodense lesion "
        "in the right hepatic lobe, segment VI. Findings were discussed with {STAFF} by telephone at {PHONE}.",
        "{PATIENT} is a {AGE} year old woman from {CITY} with Crohn's disease, seen at {HOSP} in consultation. She lives at {ADDRESS}. Her daughter can be reached at {PHONE}. "
        "She was admitted on {DATE} and started on Remicade 400 mg IV.",
        "Accession number {ID}. Reason for exam: Mr. {FAMILY} fell on his left hip. AP and lateral views show an intertrochanteric fracture. cc: {STAFF}, {STAFF}",
        "Operative note. Surgeon: {STAFF}, MD. Assistant: {STAFF}, PA-C. The patient was taken to the operating room at {HOSP}. A Foley catheter was placed. Estimated blood loss 150 mL. "
        "Dictated by {STAFF} and transcribed {DATE}.",
        "MRI BRAIN WITHOUT CONTRAST\nCLINICAL INFORMATION: {PATIENT}, headache. Prior study from {HOSP} dated {DATE}.\nNo acute infarct. Mild Chiari I malformation. Impression reviewed with Dr {FAMILY}.",
        "Pt {PATIENT} (ID {ID}) called from {PHONE}; e-mail {EMAIL}. Wife {GIVEN} will bring the outside films from {HOSP}. Next visit {DATE}.",
        "Befund: Thorax in zwei Ebenen vom {DATE}. Zuweiser: Dr. med. {STAFF}. Patient {PATIENT}, geb. {DATE}. Keine Infiltrate, kein Erguss. Herzgröße normal.",
        "DISCHARGE SUMMARY\nPatient Name: {PATIENT}\nAttending Physician: {STAFF}\nAddress: {ADDRESS}\nDiagnosis: Hodgkin lymphoma, status post ABVD. Follow up with Dr. {FAMILY} in 2 weeks.",
        "Nuclear medicine bone scan. 25 mCi Tc-99m MDP. Ordering provider: {STAFF}. Uptake at L4-L5 and both knees is degenerative. Patient {PATIENT} is {AGE} years old.",
    ),
    "held out": (
        "RIGHT KNEE, 3 VIEWS\nOrdering MD: {STAFF}\nMRN {ID}\nTechnologist: {STAFF}\nThere is a small Baker cyst. No fracture. Report called to {STAFF}, NP at 14:35 on {DATE}.",
        "I had the pleasure of seeing {PATIENT} in the {HOSP} neurology clinic on {DATE}. As you know, Ms. {FAMILY} is a {AGE}-year-old right-handed retired teacher with Parkinson disease who moved here from {CITY}.",
        "Specimen {ID} received {DATE} from {HOSP}. Gross: labeled with the patient's name ({PATIENT}) and \"left breast, core\". Microscopic: fibroadenoma. Pathologist: {STAFF}, M.D., Ph.D.",
        "US THYROID. Indication: palpable nodule per {STAFF}. Comparison made with ultrasound of {DATE}. Right lobe 5.2 x 1.9 x 2.0 cm. TI-RADS 3 nodule. Thank you for referring {PATIENT}. {STAFF}, DO",
        "Nursing: {GIVEN} fell at home, {ADDRESS}, and was brought in by her son {GIVEN}. Contact number {PHONE}. Insurance policy no. {ID}. Dr {FAMILY} aware.",
        "Radiology Report\nName: {PATIENT}\nDate of birth: {DATE}\nPhysician: {STAFF}\nCT ANGIOGRAM CHEST: No pulmonary embolism. 4 mm nodule in the lingula. Hickman line tip in the SVC. Interpreted by: {STAFF} {DATE}",
        "Telephone encounter {DATE}: spoke with {PATIENT} ({PHONE}). Reports dizziness. BP 132/78, HR 88. Advised to come to {HOSP}. Message routed to {STAFF}.",
        "Letter to Dr. {STAFF}, {HOSP}, {ADDRESS}. Re: {PATIENT}, hospital number {ID}. Thank you for your letter dated {DATE}. His Crohn's is stable on azathioprine 100 mg daily.",
        "Scanner médical du {DATE}. Patient : {PATIENT}, né le {DATE}. Médecin prescripteur : Dr {STAFF}. Pas d'embolie pulmonaire. Conclusion : examen normal. Tél. {PHONE}",
        "HISTORY: {AGE} y/o male, Mr. {PATIENT}, resident of {CITY}, s/p CABG at {HOSP} in 2009. EXAM: PORTABLE CHEST. Swan-Ganz catheter in the right pulmonary artery. Read by {STAFF} / {STAFF}",
    ),
}
_SLOT = re.compile(r"\{([A-Z]+)\}")


@dataclass(frozen=True)
class Note:
    """A text, the stretches of it that identify, by category, and whose it is."""

    text: str
    planted: tuple[tuple[int, int, str], ...]
    patient: Person
    ids: tuple[str, ...]


def notes(half: str, copies: int = 30, seed: int = 20) -> list[Note]:
    """Each template of `half` filled so many times."""
    rng = random.Random(f"{seed}{half}")
    return [_fill(template, rng) for template in TEMPLATES[half] for _ in range(copies)]


def _fill(template: str, rng: random.Random) -> Note:
    patient, *others = people(rng, 8)
    own = f"{rng.choice(['', 'A', 'MR', 'H-'])}{rng.randint(100000, 99999999)}"
    written, planted, at = "", [], 0
    for slot in _SLOT.finditer(template):
        written += template[at : slot.start()]
        value, category = _value(slot[1], patient, others, own, rng)
        if category:
            planted.append((len(written), len(written) + len(value), category))
        written += value
        at = slot.end()
    return Note(written + template[at:], tuple(planted), patient, (own,))


def _value(slot: str, patient: Person, others: list[Person], own: str, rng: random.Random) -> tuple[str, str]:
    someone = rng.choice(others)
    if slot == "AGE":
        age = rng.choice([rng.randint(20, 89), rng.randint(90, 103)])
        return str(age), "AGE" if age > 89 else ""
    values = {
        "PATIENT": (rng.choice(patient.forms()[:5]), "PATIENT"),
        "STAFF": (rng.choice(someone.forms()[:5]) if rng.random() < 0.7 else f"{someone.given} {someone.family}", "STAFF"),
        "FAMILY": (someone.family, "STAFF"),
        "GIVEN": (someone.given, "RELATIVE"),
        "DATE": ((date(1950, 1, 1) + timedelta(days=rng.randint(0, 26000))).strftime(rng.choice(DATES)), "DATE"),
        "ID": (own, "ID"),
        "PHONE": (phone(rng), "PHONE"),
        "EMAIL": (f"{someone.given.lower()}.{rng.randint(1, 99)}@example.org".replace(" ", ""), "EMAIL"),
        "HOSP": (rng.choice(HOSPITALS), "HOSPITAL"),
        "ADDRESS": (rng.choice(ADDRESSES), "ADDRESS"),
        "CITY": (rng.choice(CITIES), "CITY"),
    }
    return values[slot]
