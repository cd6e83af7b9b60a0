"""Small closed lists that the rules for places and people use: titles, roles, states, street and hospital words.

Facts of languages and addresses, by hand, folded. The large lists of words are in vocabulary.py.
"""

from __future__ import annotations

from tasks.deidentify.words.tokens import words_of

ARTICLES = words_of(
    "los las san santa santo saint el la le les des du sao sankt"
)  # in capitals the beginning of a place

# People.
PARTICLES = words_of(
    """van von vom zu zur zum der den de del della di da do dos das du la le les el al ibn bin ben ter ten te y e i
    af av bint mac mc st san"""
)
SUFFIXES = words_of(
    """dr mr mrs ms miss prof sir dame rev fr sr jr ii iii iv md phd do rn np pa dds esq herr frau mme mlle m"""
)
# Names that stand for none. Such a name is no person's, and its words stay in a description.
PLACEHOLDERS = words_of(
    """anonymous anonymized anonymised anonym anon patient test tester testing unknown none null nobody noname name
    subject case sample example demo phantom dummy default volunteer control qa qc quality service technician
    operator physician doctor user admin administrator system import deidentified removed redacted blank empty
    emergency trauma xxx xxxx xx research study trial training"""
)
TITLES = words_of(
    """dr drs doctor mr mrs ms miss mister prof professor herr frau hr fr mme mlle monsieur madame docteur senor
    senora sra srta dott dottssa dottor dottoressa sig signora dhr mevr mevrouw dra doctora dame sir reverend
    sister pt"""
)
SHOUTED = words_of("dr mr ms pt fr hr sr")  # in capitals, without a dot, these are modalities, diseases and others
CREDENTIALS = words_of(
    """md do rn np pa phd mbbs mbchb frcr frcp facr facc facs facog dds dmd dpm rt crna msn bsn lpn arnp aprn fnp
    dnp dvm mph pharmd pac rdms rvt rdcs cnmt esq facp mba frcpc frcsc cns otr lcsw lmft psyd dpt jr sr ii iii
    iv"""
)
SURE_CREDENTIALS = words_of(
    """md phd mbbs frcr facr crna dds dmd dpm rn dvm pharmd rdms rdcs arnp aprn fnp frcpc mbchb facc facs facog
    facp"""
)
ROLES = words_of(
    """attending physician physicians provider providers radiologist radiologists surgeon surgeons technologist
    technologists technician tech nurse pcp resident fellow author reader interpreter transcriptionist
    sonographer operator cardiologist oncologist neurologist pathologist urologist anesthesiologist internist
    practitioner consultant clinician therapist referring referrer ordering requesting dictating interpreting
    reporting signed dictated read reviewed approved reported performed requested referred ordered verified
    transcribed interpreted authenticated finalized electronically validated prepared typed cosigned supervised
    attended evaluated cc attn attention contact guardian patient name names pt surname firstname lastname
    forename kin spouse caregiver proxy witness befunder befundet uberweiser zuweiser arzt arztin untersucher
    unterschrift gezeichnet medecin docteur radiologue prescripteur signe medico radiologo firmado firmato
    refertato arts radioloog verwijzer huisarts aanvrager patientin paziente paciente nombre nom prenom nachname
    vorname"""
)
RELATIVES = words_of(
    """wife husband son daughter mother father sister brother partner spouse friend aunt uncle niece nephew
    grandson granddaughter grandmother grandfather boyfriend girlfriend fiance fiancee cousin mom dad stepson
    stepdaughter neighbor neighbour girl boy baby twin"""
)
BY = words_of("by von durch par por da door")
WEAK = words_of("for by with per from to told via")  # a frequent name behind one of these is a name

# Before a number that goes these say only what it was.
LABELS = words_of(
    """mrn mr acc acct accession account id ids pid ssn dob tel phone telephone ph fax cell mobile pager ext no nr
    number num record medical patient birth born date geb ne nee ne email e mail npi visit encounter case order
    policy member address addr zip"""
)

# Words that a sentence is made of: never part of a name or of a place.
FUNCTION = words_of(
    """the a an this that these those there it he she they we you i his her their our your its and or but nor so if
    as at by for from in into of on onto to with without within was were is are be been being has have had
    having do does did will would can could should may might must not no yes who whom whose which what when
    where why how all any both each few more most other some such only own same than too very just also about
    above after again against before below between during further here once over through under until up while
    because since then per via please thank thanks regarding re left right bilateral see seen noted given
    history prior none unknown patient pt date time der die das und mit ohne von im in des den dem zu le la les
    de du des et avec sans un une el los las y con sin il lo gli e di con senza het een en met"""
)

# Places.
STREETS = words_of(
    """street avenue ave road rd boulevard blvd lane drive highway hwy parkway pkwy terrace crescent turnpike
    expressway broadway esplanade promenade freeway fwy"""
)
WEAK_STREETS = words_of(
    """st dr ct ln way court place pl close row loop trail circle cir square sq plaza alley ter pike run path walk
    point ridge crossing mews green gardens"""
)
STREETS_BEFORE = words_of(
    """rue avenue boulevard bd allee chemin impasse quai route calle avenida av paseo plaza via viale piazza corso
    rua travessa rambla carrer largo"""
)
STREET_ENDINGS = (
    "strasse",
    "str",
    "gasse",
    "allee",
    "weg",
    "platz",
    "straat",
    "laan",
    "gracht",
    "gatan",
    "vagen",
    "gade",
    "vej",
    "katu",
)
UNITS = words_of("apt apartment suite ste unit floor fl room rm bldg building box pobox lot")
ROOMS = words_of(
    """room rm bed ward bay floor unit station pod suite zimmer chambre lit habitacion cama stanza letto kamer"""
)
STATES = words_of(
    """al ak az ar ca co ct de fl ga hi id il in ia ks ky la me md ma mi mn ms mo mt ne nv nh nj nm ny nc nd oh ok
    or pa ri sc sd tn tx ut vt va wa wv wi wy dc pr vi gu ab bc mb nb nl ns nt nu on pe qc sk yt nsw vic qld"""
)
STATE_NAMES = words_of(
    """alabama alaska arizona arkansas california colorado connecticut delaware florida georgia hawaii idaho
    illinois indiana iowa kansas kentucky louisiana maine maryland massachusetts michigan minnesota mississippi
    missouri montana nebraska nevada ohio oklahoma oregon pennsylvania tennessee texas utah vermont virginia
    washington wisconsin wyoming ontario quebec alberta"""
)
# A name before one of these is a hospital's, a practice's or a school's.
INSTITUTIONS = words_of(
    """hospital hospitals clinic clinics infirmary sanatorium sanitarium hospice university college institute
    institutes foundation healthcare klinik kliniken klinikum universitatsklinik universitatsklinikum
    universitatsklinken krankenhaus krankenhauser spital hopital hopitaux clinique polyclinique chu chru
    ospedale ospedali policlinico clinica policlinica ospedaliera hospitalar ziekenhuis umc mc medisch sykehus
    sjukhus sygehus szpital nemocnice associates radiology partners medcenter laboratory laboratories labs
    pharmacy hmo school academy praxis radiologie gemeinschaftspraxis mvz center centre"""
)
CENTERS = words_of(
    """center centre centers centres system systems services group hospital clinic campus pavilion network practice
    associates partners"""
)
BEFORE_CENTER = words_of(
    """medical health healthcare cancer heart imaging rehabilitation rehab surgery surgical trauma nursing care
    diagnostic children's womens women's childrens radiology veterans memorial regional community"""
)
# Alone before `Hospital` or `Clinic` these name none.
GENERIC = words_of(
    """general regional community county city state national university teaching day local outside inside public
    private medical health care primary acute emergency urgent outpatient inpatient same other another nearby
    children childrens pediatric women womens men mental veterans home hospital clinic center nursing
    psychiatric rural district central main rehab rehabilitation skilled military surgical specialty new old
    previous prior transferring referring receiving admitting discharge wound pain eye heart cancer sleep follow
    up followup walk coumadin warfarin course procedure service unit research family in out big medicine surgery
    free standing veterans affairs va their her his our your my satellite diagnostic imaging radiology vascular
    my"""
)
OF = words_of(
    """of de del della di des du der fur for at the la le los las el and et und saint st sankt san santa sant und y
    e"""
)
