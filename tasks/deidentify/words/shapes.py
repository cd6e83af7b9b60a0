"""Words that are no entry of a list and yet can be told from their parts: `hepatosplenic`, `nondisplaced`, `headneck`.

Pure functions of one folded word. Which names look like this is known beforehand (`veto` in words.json.gz).
"""

from __future__ import annotations

from collections.abc import Container
from functools import lru_cache

from tasks.deidentify.words.tokens import tuple_of, words_of

LONGEST = 40
_ENDINGS = tuple_of(
    """ologia ologie ologii ografia ografie ografii oskopia oskopie oscopia oscopie ektomia ektomie itis itides
    aemia ectomy ectomies ectomized otomy otomies ostomy ostomies oscopy oscopic oplasty oplasties ography
    ographic ogram ograms megaly opathy opathies opathic algia algias plegia plegic paresis stenosis stenoses
    sclerosis ectasis ectasia centesis penia penic philia philic rrhea rrhoea rrhagia rrhagic rrhaphy thorax
    trophy trophic tropic ologist ologists ological ology lysis lytic genesis genic cytosis cytoma blastoma
    sarcoma carcinoma lymphoma adenoma fibroma granuloma hematoma angioma lipoma myoma osteoma chondroma neuroma
    meningioma schwannoma myeloma melanoma papilloma hamartoma glioma xanthoma osseous articular cervical
    thoracic lumbar sacral femoral tibial vertebral cranial caudal lateral medial dorsal ventral renal hepatic
    gastric cardiac pulmonary vascular venous arterial cutaneous muscular metry metric uria uric emesis phagia
    phasia lalia kinesia esthesia dynia ptosis ptysis pnea pnoea edema intensity intensities attenuation
    attenuating dense echoic lucent lucency opaque perfusion perfused ventilation inflation inflated calcified
    operative olol prilat sartan vastatin azole cillin mycin floxacin cycline prazole tidine gliptin gliflozin
    tinib ciclib zumab ximab lumab mumab parin azepam zolam triptan setron dronate sulfate chloride phosphate
    hydrochloride"""
)
_BEGINNINGS = tuple_of(
    """abdomino adeno angio antero anti arterio arthro athero atrio auto bi broncho capsulo cardio carpo cephalo
    cerebello cerebro cervico chemo cholangio chole chondro contra costo cranio cysto dermato dextro dorso echo
    electro encephalo endo entero epi esophago extra femoro fibro gastro genito gluteo hemi hemo hepato hetero
    homo hydro hyper hypo ileo iliac ilio immuno infero infra inter intra ipsi ischio iso laryngo latero leuko
    levo lipo lumbo lympho macro mamillo masto maxillo medio mega meso meta micro mid mono multi musculo myelo
    myo naso necro neo nephro neuro non occipito oculo orbito oro osteo otorhino over pan pancreatico para
    parieto patello pelvi peri pharyngo photo pleuro pneumo poly portal post postero pre pseudo pyelo radio re
    recto reno retro rhino sacro scapulo semi sero sonographic spheno spino spleno spondylo sterno sub super
    supero supra talo tarso temporo tendo thoraco thrombo thyro tibio tracheo trans tri tubulo ultra un under
    uni uretero urethro uro utero vaso veno ventriculo vertebro vesico vesiculo"""
)
_FIRST = {beginning[0]: tuple(b for b in _BEGINNINGS if b[0] == beginning[0]) for beginning in _BEGINNINGS}


def is_medical(word: str) -> bool:
    """Whether `word` ends as medical words do; says nothing of shorter words than eight letters."""
    return 8 <= len(word) <= LONGEST and word.endswith(_ENDINGS)


def is_beginning(word: str) -> bool:
    """Whether `word` is a combining form that stands before a hyphen: `arterio-venous`."""
    return len(word) > 3 and word in _BEGINNINGS


def root(word: str) -> tuple[str, ...]:
    """What may be left of `word` without a prefix of medical language: `nondisplaced` gives `displaced`."""
    if not 6 <= len(word) <= LONGEST:
        return ()
    return tuple(word[len(b) :] for b in _FIRST.get(word[0], ()) if word.startswith(b) and len(word) - len(b) >= 4)


def stems(word: str) -> tuple[str, ...]:
    """`word` without an ending of English inflection, for lists that have only one form."""
    found = []
    if word.endswith("s") and len(word) > 4:
        found.append(word[:-1])
        if word.endswith(("ses", "xes", "zes", "ches", "shes", "oes")):
            found.append(word[:-2])
        if word.endswith("ies"):
            found.append(word[:-3] + "y")
    if word.endswith("ed") and len(word) > 5:
        found += [word[:-2], word[:-1]]
    if word.endswith("ing") and len(word) > 6:
        found += [word[:-3], word[:-3] + "e"]
    if word.endswith("ly") and len(word) > 5:
        found.append(word[:-2])
        if word.endswith("ally"):
            found.append(word[:-4])
    if word.endswith("like") and len(word) > 7:
        found.append(word[:-4])
    return tuple(found)


def is_compound(word: str, pieces: Container[str], shortest: int = 3) -> bool:
    """Whether `word` is two to four of `pieces` written together, each of `shortest` letters and more."""
    return 2 * shortest <= len(word) <= LONGEST and _fits(word, pieces, shortest, 4)


def _fits(word: str, pieces: Container[str], shortest: int, left: int) -> bool:
    # ways[i] is the fewest pieces that word[:i] is made of; one pass, so that no word takes long.
    ways = [0] + [left + 1] * len(word)
    for end in range(shortest, len(word) + 1):
        for start in range(end - shortest + 1):
            if ways[start] < ways[end] - 1 and word[start:end] in pieces:
                ways[end] = ways[start] + 1
    return 2 <= ways[-1] <= left


@lru_cache(maxsize=1)
def eponym_nouns() -> frozenset[str]:
    """Words that make an eponym of the name before them: `Wilson disease`, `Murphy sign`."""
    return words_of(
        """abscess anastomosis aneurysm angle area artery atrophy band bands bodies body bypass canal cast catheter
        cell cells chorea cirrhosis classification clamp class clip collar contracture corpuscles criteria cyst
        cysts deformity device disease diverticulum drain duct dystrophy effect encephalopathy esophagus fascia
        fibroma filter fissure fistula foot foramen fracture fractures frame ganglion gland grade graft
        granulomatosis hernia hump impression index infarct interval joint knee law lesion lesions ligament line
        lines lymphoma maneuver manoeuvre mass mesh method muscle myositis nail neuroma node nodes nodule
        nodules operation osteodystrophy osteotomy palsy paralysis phenomenon plane plaque plate point pouch
        prosthesis procedure protocol purpura reflex repair ring rod rods sarcoma scale score shunt sign space
        spine spot spots stage staging stent stitch stricture sulcus syndrome tendon test tetralogy thyroiditis
        trephine triad triangle tube tuberosity tumor tumour type types ulcer unit units valve vein wire wires"""
    )
