"""Benefit tables that tests share: contracts nobody sells, with every kind of row."""

from datetime import date

from rempart.claims.benefit_table import Benefit, BenefitTable, Limit, Pays, Per
from rempart.claims.claim import Basket, Correction
from rempart.kernel.periods import Period

ALWAYS = Period(date(2010, 1, 1))
DOCTORS = ("domain:MEDG", "domain:MEDS", "domain:RADL")

BASIC = BenefitTable(
    code="BASE",
    period=ALWAYS,
    responsible=True,
    benefits=(
        Benefit(label="Forfait journalier", acts=("FJ",), pays=Pays.REAL_COST),
        Benefit(label="Ticket modérateur", acts=("*",), pays=Pays.TICKET_MODERATEUR),
    ),
)
C2S = BenefitTable(
    code="C2S",
    period=ALWAYS,
    responsible=True,
    benefits=(
        Benefit(label="Panier 100 % Santé", acts=("*",), pays=Pays.REAL_COST, basket=Basket.FULL),
        Benefit(label="Forfait journalier", acts=("FJ",), pays=Pays.REAL_COST),
        Benefit(label="Ticket modérateur", acts=("*",), pays=Pays.TICKET_MODERATEUR),
    ),
)
COMFORT = BenefitTable(
    code="CONFORT",
    period=ALWAYS,
    responsible=True,
    benefits=(
        Benefit(
            label="Médecins adhérents à l’OPTAM",
            acts=DOCTORS,
            pays=Pays.RATE_WITH_AMO,
            rate_bp=20_000,
            optam=True,
        ),
        Benefit(
            label="Médecins non adhérents à l’OPTAM",
            acts=DOCTORS,
            pays=Pays.RATE_WITH_AMO,
            rate_bp=15_000,
            optam=False,
        ),
        Benefit(label="Médicaments à 15 %", acts=("PH2",), pays=Pays.NOTHING),
        Benefit(
            label="Médicaments non remboursés",
            acts=("PHN",),
            pays=Pays.REAL_COST,
            limits=("medicines",),
        ),
        Benefit(
            label="Ostéopathie",
            acts=("OST",),
            pays=Pays.FORFAIT,
            forfait_cents=4_000,
            limits=("osteopathy",),
        ),
        Benefit(
            label="Prothèses dentaires 100 % Santé",
            acts=("PDT",),
            pays=Pays.REAL_COST,
            basket=Basket.FULL,
        ),
        Benefit(
            label="Prothèses dentaires",
            acts=("PDT", "INO"),
            pays=Pays.RATE_WITH_AMO,
            rate_bp=30_000,
            waiting_months=6,
            limits=("dental",),
        ),
        Benefit(
            label="Implants",
            acts=("IMP",),
            pays=Pays.FORFAIT,
            forfait_cents=50_000,
            limits=("implants", "dental"),
        ),
        Benefit(
            label="Orthodontie de l’enfant",
            acts=("TO",),
            pays=Pays.RATE_BESIDE_AMO,
            rate_bp=15_000,
            to_age=15,
        ),
        Benefit(
            label="Optique 100 % Santé",
            acts=("MON", "VER"),
            pays=Pays.REAL_COST,
            basket=Basket.FULL,
            limits=("glasses",),
        ),
        Benefit(
            label="Monture",
            acts=("MON",),
            pays=Pays.REAL_COST,
            cap_cents=10_000,
            limits=("glasses",),
        ),
        Benefit(
            label="Verres simples, réseau",
            acts=("VER",),
            pays=Pays.REAL_COST,
            correction=Correction.SIMPLE,
            circuit="IT",
            limits=("glasses", "simple"),
        ),
        Benefit(
            label="Verres simples",
            acts=("VER",),
            pays=Pays.FORFAIT,
            forfait_cents=6_000,
            correction=Correction.SIMPLE,
            limits=("glasses", "simple"),
        ),
        Benefit(
            label="Verres complexes",
            acts=("VER",),
            pays=Pays.REAL_COST,
            correction=Correction.COMPLEX,
            limits=("glasses", "complex"),
        ),
        Benefit(label="Lentilles", acts=("LEN",), pays=Pays.REAL_COST, limits=("contact lenses",)),
        Benefit(
            label="Aides auditives 100 % Santé",
            acts=("PAU",),
            pays=Pays.REAL_COST,
            basket=Basket.FULL,
            limits=("hearing",),
        ),
        Benefit(
            label="Aides auditives",
            acts=("PAU",),
            pays=Pays.REAL_COST,
            limits=("hearing", "ear"),
        ),
        Benefit(label="Forfait journalier", acts=("FJ",), pays=Pays.REAL_COST),
        Benefit(
            label="Chambre particulière",
            acts=("CHP",),
            pays=Pays.FORFAIT,
            forfait_cents=6_000,
            limits=("room",),
        ),
        Benefit(
            label="Petit appareillage",
            acts=("PA",),
            pays=Pays.FORFAIT,
            forfait_cents=2_500,
            with_ticket_moderateur=True,
        ),
        Benefit(label="Ticket modérateur", acts=("*",), pays=Pays.TICKET_MODERATEUR),
    ),
    limits={
        limit.name: limit
        for limit in (
            Limit(
                name="medicines",
                label="Médicaments non remboursés par an",
                per=Per.YEAR,
                cents=5_000,
            ),
            Limit(name="osteopathy", label="Séances d’ostéopathie par an", per=Per.YEAR, units=3),
            Limit(
                name="dental",
                label="Plafond dentaire par année d’adhésion",
                per=Per.MEMBERSHIP_YEAR,
                cents=150_000,
            ),
            Limit(name="implants", label="Implants par an", per=Per.YEAR, units=2),
            Limit(
                name="glasses",
                label="Équipement d’optique",
                per=Per.RENEWAL,
                units=1,
                renewal="optical",
            ),
            Limit(
                name="simple",
                label="Équipement à verres simples",
                per=Per.EQUIPMENT,
                cents=42_000,
                includes_amo=True,
            ),
            Limit(
                name="complex",
                label="Équipement à verres complexes",
                per=Per.EQUIPMENT,
                cents=70_000,
                includes_amo=True,
            ),
            Limit(name="contact lenses", label="Lentilles par an", per=Per.YEAR, cents=10_000),
            Limit(
                name="hearing", label="Aide auditive", per=Per.RENEWAL, units=1, renewal="hearing"
            ),
            Limit(
                name="ear",
                label="Plafond par oreille",
                per=Per.EQUIPMENT,
                cents=170_000,
                includes_amo=True,
            ),
            Limit(
                name="room", label="Nuits en chambre particulière par an", per=Per.YEAR, units=30
            ),
        )
    },
)
FREE = BenefitTable(
    code="LIBRE",
    period=ALWAYS,
    responsible=False,
    benefits=(
        Benefit(label="Tous les soins", acts=("*",), pays=Pays.RATE_BESIDE_AMO, rate_bp=10_000),
    ),
)
SESSIONS = BenefitTable(
    code="SEANCES",
    period=ALWAYS,
    responsible=True,
    benefits=(
        Benefit(
            label="Ostéopathie",
            acts=("OST",),
            pays=Pays.FORFAIT,
            forfait_cents=4_000,
            limits=("osteopathy", "osteopathy of a day"),
        ),
        Benefit(label="Ticket modérateur", acts=("*",), pays=Pays.TICKET_MODERATEUR),
    ),
    limits={
        "osteopathy": Limit(
            name="osteopathy", label="Séances d’ostéopathie par an", per=Per.YEAR, units=3
        ),
        "osteopathy of a day": Limit(
            name="osteopathy of a day", label="Une séance par jour", per=Per.DAY, units=1
        ),
    },
)
TABLES = {table.code: table for table in (BASIC, C2S, COMFORT, FREE, SESSIONS)}
