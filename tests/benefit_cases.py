"""Claims and who pays what of them: one case, one line, amounts in euros."""
# ruff: noqa: E501

from dataclasses import dataclass
from datetime import date

from rempart.claims.claim import Basket, Correction, Exoneration, Regime
from rempart.claims.counters import CounterKey, Used

SNDS = "documentation SNDS (S18)"
RULE = "règle du moteur"
ADULT, CHILD, TEENAGER = "19700101", "20180601", "20110301"
DAY = date(2026, 3, 2)
JOINED = date(2020, 1, 1)
BASE, COMFORT, FREE, C2S, SESSIONS = "BASE", "CONFORT", "LIBRE", "C2S", "SEANCES"
ALD, MATERNITY, ACCIDENT = Exoneration.ALD, Exoneration.MATERNITY, Exoneration.WORK_ACCIDENT


def act(code, billed, base=None, day=DAY, n=1, **more):
    """One line, amounts in euros."""
    return {"code": code, "billed": billed, "base": base, "day": day, "n": n, **more}


@dataclass(frozen=True)
class Case:
    """What is billed, and what is expected: AMO, local regime, AMC, left, withheld, in euros."""

    name: str
    lines: tuple
    tables: tuple[str, ...]
    expected: tuple[float, float, float, float, float]
    source: str = RULE
    born: str = ADULT
    regime: Regime = Regime.GENERAL
    pathway: bool = True
    c2s: bool = False
    optam: bool | None = None
    circuits: frozenset[str] = frozenset()
    joined: date = JOINED
    used: tuple = ()


FULL, MODERATE, OPEN = Basket.FULL, Basket.MODERATE, Basket.FREE
SIMPLE, COMPLEX = Correction.SIMPLE, Correction.COMPLEX
YEAR = date(2026, 1, 1)
PAIR = {"equipment": "1", "basket": OPEN, "correction": SIMPLE}

CASES = (
    # Cases of the public documentation.
    Case("Généraliste le 3 avril 2018, 2 € de dépassement", (act("G", 27, day=date(2018, 4, 3)),), (), (17.5, 0, 0, 9.5, 1), SNDS),
    Case("Généraliste en 2019, affection de longue durée", (act("G", 25, day=date(2019, 5, 6), exoneration=ALD),), (), (25, 0, 0, 0, 1), SNDS),
    Case("Généraliste en 2017, complémentaire santé solidaire", (act("G", 25, day=date(2017, 6, 1)),), (C2S,), (17.5, 0, 7.5, 0, 0), SNDS, c2s=True),
    Case("Généraliste en 2018, Alsace-Moselle", (act("G", 30, day=date(2018, 4, 3)),), (), (17.5, 5, 0, 7.5, 1), SNDS, regime=Regime.ALSACE_MOSELLE),
    Case("Nuit de 2019 : consultation, coordination, majoration", (act("G", 25, day=date(2019, 5, 6)), act("MCG", 3, day=date(2019, 5, 6)), act("MM", 19.06, 19.06, day=date(2019, 5, 6))), (), (32.94, 0, 0, 14.12, 1), SNDS),
    Case("Consultation à 23 €, 12 € de dépassement, complément", (act("G", 35, day=date(2016, 2, 1)),), (BASE,), (16.1, 0, 6.9, 12, 1), SNDS),
    Case("Spécialiste OPTAM à 45 €, ticket modérateur", (act("CS", 45, 30, day=date(2018, 4, 3)),), (BASE,), (21, 0, 9, 15, 1), SNDS, optam=True),
    Case("Spécialiste OPTAM à 45 €, 200 % de la base", (act("CS", 45, 30, day=date(2018, 4, 3)),), (COMFORT,), (21, 0, 24, 0, 1), SNDS, optam=True),
    # Rates and bases, by date.
    Case("Généraliste la veille de la revalorisation de 2023", (act("G", 25, day=date(2023, 10, 31)),), (BASE,), (17.5, 0, 7.5, 0, 1), "mutuelle.dispofi.fr"),
    Case("Généraliste le jour de la revalorisation de 2023", (act("G", 26.5, day=date(2023, 11, 1)),), (BASE,), (18.55, 0, 7.95, 0, 1), "mutuelle.dispofi.fr"),
    Case("Généraliste la veille du passage à 30 €", (act("G", 30, day=date(2024, 12, 21)),), (BASE,), (18.55, 0, 7.95, 3.5, 2), "mutuelle.dispofi.fr"),
    Case("Généraliste à 30 €", (act("G", 30, day=date(2024, 12, 22)),), (BASE,), (21, 0, 9, 0, 2), "mutuelle.dispofi.fr"),
    Case("Téléconsultation à 25 €", (act("TCG", 25),), (BASE,), (17.5, 0, 7.5, 0, 2), "mutuelle.dispofi.fr"),
    Case("Soin dentaire la veille du passage à 60 %", (act("SC", 28.92, 28.92, day=date(2023, 10, 14)),), (BASE,), (20.24, 0, 8.68, 0, 0), "arrêté publié le 14 octobre 2023"),
    Case("Soin dentaire à 60 %", (act("SC", 28.92, 28.92, day=date(2023, 10, 15)),), (BASE,), (17.35, 0, 11.57, 0, 0), "arrêté publié le 14 octobre 2023"),
    Case("Facturé moins que la base : la base suit le prix", (act("CS", 20, 30),), (BASE,), (14, 0, 6, 0, 2)),
    Case("Sans complémentaire", (act("CS", 60, 30),), (), (21, 0, 0, 39, 2)),
    Case("Assurance maladie déjà réglée : son montant est repris", (act("CS", 50, 30, amo=20.5),), (BASE,), (20.5, 0, 9.5, 20, 2)),
    # Levies.
    Case("Participation forfaitaire, dernier jour à 1 €", (act("G", 26.5, day=date(2024, 5, 14)),), (BASE,), (18.55, 0, 7.95, 0, 1), "magnolia.fr, mutame-plus.fr"),
    Case("Participation forfaitaire, premier jour à 2 €", (act("G", 26.5, day=date(2024, 5, 15)),), (BASE,), (18.55, 0, 7.95, 0, 2), "magnolia.fr, mutame-plus.fr"),
    Case("Enfant : pas de participation forfaitaire", (act("G", 30),), (BASE,), (21, 0, 9, 0, 0), "bonne-assurance.com", born=CHILD),
    Case("Maternité : 100 %, sans participation forfaitaire", (act("G", 30, exoneration=MATERNITY),), (BASE,), (30, 0, 0, 0, 0), "magnolia.fr"),
    Case("Accident du travail : 100 %, rien de retenu", (act("G", 30, exoneration=ACCIDENT),), (BASE,), (30, 0, 0, 0, 0), "magnolia.fr"),
    Case("Cinq actes le même jour, même médecin : 8 € au plus", tuple(act("CS", 30, 30) for _ in range(5)), (BASE,), (105, 0, 45, 0, 8), "règle à confirmer (tarifs)"),
    Case("Médicament à 65 %, trois boîtes", (act("PH7", 21.3, 21.3, n=3),), (BASE,), (13.85, 0, 7.45, 0, 3), "latribune.fr, lemediasocial.fr"),
    Case("Franchise avant le 31 mars 2024 : 0,50 €", (act("PH7", 7.1, 7.1, day=date(2024, 3, 30)),), (BASE,), (4.62, 0, 2.48, 0, 0.5), "latribune.fr"),
    Case("Soins infirmiers, six actes : 4 € de franchise au plus", (act("AMI", 18.9, 18.9, n=6),), (BASE,), (11.34, 0, 7.56, 0, 4), "latribune.fr"),
    Case("Dentiste : rien n’est retenu", (act("SC", 30, 30),), (BASE,), (18, 0, 12, 0, 0), "magnolia.fr"),
    Case("Sage-femme : rien n’est retenu", (act("SF", 30, 30),), (BASE,), (21, 0, 9, 0, 0), "magnolia.fr"),
    # Medicines.
    Case("Médicament à 100 %", (act("PH1", 12.4, 12.4),), (BASE,), (12.4, 0, 0, 0, 1), SNDS),
    Case("Médicament à 30 %", (act("PH4", 5.03, 5.03),), (BASE,), (1.51, 0, 3.52, 0, 1), SNDS),
    Case("Médicament à 15 %, contrat qui l’exclut", (act("PH2", 4, 4),), (COMFORT,), (0.6, 0, 0, 3.4, 0.6), SNDS),
    Case("Médicament à 15 %, longue durée : le taux reste", (act("PH2", 4, 4, exoneration=ALD),), (BASE,), (0.6, 0, 3.4, 0, 0.6), "règle à confirmer (tarifs)"),
    Case("Médicament à 15 %, maternité : 100 %", (act("PH2", 4, 4, exoneration=MATERNITY),), (BASE,), (4, 0, 0, 0, 0), "règle à confirmer (tarifs)"),
    Case("Médicament à 15 %, accident du travail : 100 %", (act("PH2", 4, 4, exoneration=ACCIDENT),), (BASE,), (4, 0, 0, 0, 0), "règle à confirmer (tarifs)"),
    Case("Médicament non remboursé, forfait annuel entamé", (act("PHN", 12),), (COMFORT,), (0, 0, 6, 6, 0), used=((CounterKey("medicines", YEAR), Used(4_400, 4, date(2026, 2, 1))),)),
    Case("Médicament non remboursé, forfait de l’an passé oublié", (act("PHN", 12),), (COMFORT,), (0, 0, 12, 0, 0), used=((CounterKey("medicines", date(2025, 1, 1)), Used(5_000, 4, date(2025, 2, 1))),)),
    Case("Honoraire de dispensation à 65 %", (act("HD7", 1.02, 1.02),), (BASE,), (0.66, 0, 0.36, 0, 0), SNDS),
    # Pathway and tariff agreement.
    Case("Hors parcours : 30 %, la pénalité reste à charge", (act("CS", 30, 30),), (BASE,), (9, 0, 9, 12, 2), "contrat responsable", pathway=False),
    Case("Hors parcours, 200 % : la pénalité n’est jamais payée", (act("CS", 60, 30),), (COMFORT,), (9, 0, 39, 12, 2), "contrat responsable", pathway=False, optam=True),
    Case("Hors parcours, 200 % sans dépassement : la pénalité reste", (act("CS", 30, 30),), (COMFORT,), (9, 0, 9, 12, 2), "contrat responsable", pathway=False, optam=True),
    Case("Hors parcours, contrat non responsable", (act("CS", 45, 30),), (FREE,), (9, 0, 30, 6, 2), pathway=False),
    Case("Hors parcours à 15 ans : le parcours n’oblige pas", (act("CS", 30, 30),), (BASE,), (21, 0, 9, 0, 0), pathway=False, born=TEENAGER),
    Case("Hors parcours en longue durée : 100 %", (act("CS", 30, 30, exoneration=ALD),), (BASE,), (30, 0, 0, 0, 2), pathway=False),
    Case("Hors parcours, mais réglé à 70 % : aucune pénalité", (act("CS", 30, 30, amo=21),), (BASE,), (21, 0, 9, 0, 2), pathway=False),
    Case("Hors parcours, réglé à rien : pénalité de quarante points au plus", (act("CS", 30, 30, amo=0),), (BASE,), (0, 0, 18, 12, 0), pathway=False),
    Case("Sans OPTAM : 150 %", (act("CS", 70, 30),), (COMFORT,), (21, 0, 24, 25, 2), optam=False),
    Case("OPTAM : 200 %", (act("CS", 70, 30),), (COMFORT,), (21, 0, 39, 10, 2), optam=True),
    Case("OPTAM inconnu : le ticket modérateur", (act("CS", 70, 30),), (COMFORT,), (21, 0, 9, 40, 2)),
    # Costly acts.
    Case("Acte à 150 € : participation de 24 €", (act("ADC", 150, 150),), (), (126, 0, 0, 24, 2), SNDS),
    Case("Acte à 150 € : la complémentaire paie les 24 €", (act("ADC", 150, 150),), (BASE,), (126, 0, 24, 0, 2), "magnolia.fr"),
    Case("Acte à 119,99 € : le pourcentage", (act("ADC", 119.99, 119.99),), (BASE,), (83.99, 0, 36, 0, 2), SNDS),
    Case("Acte à 120 € : la participation", (act("ADC", 120, 120),), (BASE,), (96, 0, 24, 0, 2), SNDS),
    Case("Acte à 150 € en 2018 : 18 €", (act("ADC", 150, 150, day=date(2018, 12, 31)),), (BASE,), (132, 0, 18, 0, 1), "règle à confirmer (tarifs)"),
    Case("Acte à 150 € en longue durée : rien", (act("ADC", 150, 150, exoneration=ALD),), (BASE,), (150, 0, 0, 0, 2), SNDS),
    Case("Consultation à 150 € de base : pas un acte technique", (act("CS", 150, 150),), (BASE,), (105, 0, 45, 0, 2), SNDS),
    Case("Acte à 150 € en Alsace-Moselle", (act("ADC", 150, 150),), (BASE,), (126, 24, 0, 0, 2), "règle à confirmer (tarifs)", regime=Regime.ALSACE_MOSELLE),
    Case("Acte à 150 € facturé 60 € : le tarif décide", (act("ADC", 60, 150),), (BASE,), (36, 0, 24, 0, 2), "ameli.fr, forfait 24 euros (S78)"),
    Case("Acte à 150 € facturé 10 € : jamais moins que rien", (act("ADC", 10, 150),), (BASE,), (0, 0, 10, 0, 0), "ameli.fr, forfait 24 euros (S78)"),
    Case("Deux actes coûteux le même jour : une participation", (act("ADC", 150, 150), act("ADC", 200, 200)), (BASE,), (326, 0, 24, 0, 4), "ameli.fr, forfait 24 euros (S78)"),
    Case("Deux actes à 70 € le même jour : leurs tarifs se cumulent", (act("ADC", 70, 70), act("ATM", 70, 70)), (BASE,), (116, 0, 24, 0, 4), "ameli.fr, forfait 24 euros (S78)"),
    Case("Deux actes à 70 € en Alsace-Moselle : le régime local paie tout", (act("ADC", 70, 70), act("ATM", 70, 70)), (BASE,), (116, 24, 0, 0, 4), "S78", regime=Regime.ALSACE_MOSELLE),
    Case("Deux actes à 70 €, deux jours : le pourcentage", (act("ADC", 70, 70), act("ATM", 70, 70, day=date(2026, 3, 3))), (BASE,), (98, 0, 42, 0, 4), "ameli.fr, forfait 24 euros (S78)"),
    Case("Imagerie à 150 € : le pourcentage", (act("ADI", 150, 150),), (BASE,), (105, 0, 45, 0, 2), "S78"),
    # Alsace-Moselle and C2S.
    Case("Alsace-Moselle : ticket modérateur de 10 %", (act("G", 30),), (BASE,), (21, 6, 3, 0, 2), SNDS, regime=Regime.ALSACE_MOSELLE),
    Case("Alsace-Moselle, médicament à 30 %", (act("PH4", 10, 10),), (BASE,), (3, 5, 2, 0, 1), "règle à confirmer (tarifs)", regime=Regime.ALSACE_MOSELLE),
    Case("C2S : lunettes du panier", (act("VER", 32.5, 32.5, basket=FULL, correction=SIMPLE, equipment="1"), act("MON", 30, 9, basket=FULL, equipment="1")), (C2S,), (24.9, 0, 37.6, 0, 0), "solidarité, panier 100 % Santé", c2s=True),
    # Forfaits and limits.
    Case("Ostéopathie : 40 € la séance", (act("OST", 60),), (COMFORT,), (0, 0, 40, 20, 0)),
    Case("Ostéopathie : jamais plus que le prix", (act("OST", 35),), (COMFORT,), (0, 0, 35, 0, 0)),
    Case("Ostéopathie : la quatrième séance de l’année", (act("OST", 60),), (COMFORT,), (0, 0, 0, 60, 0), used=((CounterKey("osteopathy", YEAR), Used(12_000, 3, date(2026, 2, 1))),)),
    Case("Ostéopathie : deux séances quand il en reste une", (act("OST", 120, n=2),), (COMFORT,), (0, 0, 40, 80, 0), used=((CounterKey("osteopathy", YEAR), Used(8_000, 2, date(2026, 2, 1))),)),
    Case("Ostéopathie : non remboursée, donc sans ticket modérateur", (act("OST", 60, 25),), (BASE,), (0, 0, 0, 60, 0)),
    Case("Trois séances, une permise par jour et une de reste dans l’année", (act("OST", 180, n=3),), (SESSIONS,), (0, 0, 40, 140, 0), used=((CounterKey("osteopathy", YEAR), Used(8_000, 2, date(2026, 2, 1))),)),
    Case("Trois séances le même jour, puis une : les refusées ne comptent pas", (act("OST", 180, n=3), act("OST", 60, day=date(2026, 3, 9))), (SESSIONS,), (0, 0, 80, 160, 0)),
    Case("Chambre particulière : 60 € la nuit", (act("CHP", 240, n=3),), (COMFORT,), (0, 0, 180, 60, 0)),
    Case("Chambre particulière : au-delà de 30 nuits", (act("CHP", 400, n=5),), (COMFORT,), (0, 0, 120, 280, 0), used=((CounterKey("room", YEAR), Used(168_000, 28, date(2026, 1, 30))),)),
    Case("Forfait journalier : payé en entier", (act("FJ", 60, n=3),), (BASE,), (0, 0, 60, 0, 0), "contrat responsable"),
    Case("Petit appareillage : forfait et ticket modérateur", (act("PA", 80, 40),), (COMFORT,), (24, 0, 41, 15, 0)),
    Case("Séjour à 80 %", (act("PJ", 1000, 1000),), (BASE,), (800, 0, 200, 0, 0), "tableau des taux, ameli.fr"),
    # Dental.
    Case("Couronne 100 % Santé : rien à payer", (act("PDT", 500, 120, basket=FULL),), (COMFORT,), (72, 0, 428, 0, 0), "panier 100 % Santé"),
    Case("Couronne libre : 300 % de la base", (act("PDT", 700, 120, basket=OPEN),), (COMFORT,), (72, 0, 288, 340, 0)),
    Case("Couronne pendant le délai d’attente : ticket modérateur", (act("PDT", 700, 120, basket=OPEN),), (COMFORT,), (72, 0, 48, 580, 0), joined=date(2025, 10, 1)),
    Case("Couronne le jour où le délai finit", (act("PDT", 700, 120, basket=OPEN),), (COMFORT,), (72, 0, 288, 340, 0), joined=date(2025, 9, 2)),
    Case("Couronne 100 % Santé pendant le délai : payée", (act("PDT", 500, 120, basket=FULL),), (COMFORT,), (72, 0, 428, 0, 0), "contrat responsable", joined=date(2026, 2, 1)),
    Case("Plafond dentaire de l’année d’adhésion presque atteint", (act("PDT", 700, 120, basket=OPEN),), (COMFORT,), (72, 0, 100, 528, 0), joined=date(2020, 2, 15), used=((CounterKey("dental", date(2026, 2, 15)), Used(140_000, 5, date(2026, 2, 20))),)),
    Case("Plafond dentaire : l’année d’adhésion d’avant ne compte plus", (act("PDT", 700, 120, basket=OPEN),), (COMFORT,), (72, 0, 288, 340, 0), joined=date(2020, 2, 15), used=((CounterKey("dental", date(2025, 2, 15)), Used(150_000, 5, date(2025, 6, 1))),)),
    Case("Implant et couronne partagent le plafond", (act("IMP", 1200), act("PDT", 700, 120, basket=OPEN)), (COMFORT,), (72, 0, 600, 1228, 0), used=((CounterKey("dental", YEAR), Used(90_000, 2, date(2026, 1, 15))),)),
    Case("Orthodontie à 15 ans : 150 % en plus", (act("TO", 900, 193.5),), (COMFORT,), (116.1, 0, 290.25, 493.65, 0), born=TEENAGER),
    Case("Orthodontie d’un adulte : ticket modérateur", (act("TO", 900, 193.5),), (COMFORT,), (116.1, 0, 77.4, 706.5, 0)),
    # Optics.
    Case("Lunettes 100 % Santé : rien à payer", (act("MON", 30, 9, basket=FULL, equipment="1"), act("VER", 65, 18, n=2, basket=FULL, equipment="1", correction=SIMPLE)), (COMFORT,), (16.2, 0, 78.8, 0, 0), "mc-alsace.fr"),
    Case("Monture de classe B : 100 € au plus", (act("MON", 180, 0.05, **PAIR),), (COMFORT,), (0.03, 0, 100, 79.97, 0), "linternaute.com, mgefi.fr"),
    Case("Verres simples dans le réseau", (act("VER", 150, 0.1, n=2, **PAIR),), (COMFORT,), (0.06, 0, 149.94, 0, 0), circuits=frozenset({"IT"})),
    Case("Verres simples hors réseau : 60 € l’un", (act("VER", 150, 0.1, n=2, **PAIR),), (COMFORT,), (0.06, 0, 120, 29.94, 0)),
    Case("Verres simples très chers : 420 € au plus, AMO comprise", (act("VER", 500, 0.1, n=2, **PAIR),), (COMFORT,), (0.06, 0, 419.94, 80, 0), "linternaute.com, mgefi.fr", circuits=frozenset({"IT"})),
    Case("Verres complexes : 700 € au plus, AMO comprise", (act("VER", 900, 0.1, n=2, basket=OPEN, equipment="1", correction=COMPLEX),), (COMFORT,), (0.06, 0, 699.94, 200, 0), "linternaute.com, mgefi.fr"),
    Case("Deuxième paire à vingt mois : trop tôt", (act("MON", 120, 0.05, **PAIR),), (COMFORT,), (0.03, 0, 0, 119.97, 0), "linternaute.com, arvert.online", used=((CounterKey("glasses", date(2024, 7, 2), "9"), Used(20_000, 1, date(2024, 7, 2))),)),
    Case("Deuxième paire à deux ans jour pour jour", (act("MON", 120, 0.05, **PAIR),), (COMFORT,), (0.03, 0, 100, 19.97, 0), "linternaute.com, arvert.online", used=((CounterKey("glasses", date(2024, 3, 2), "9"), Used(20_000, 1, date(2024, 3, 2))),)),
    Case("Deuxième paire d’un enfant à un an", (act("MON", 120, 0.05, **PAIR),), (COMFORT,), (0.03, 0, 100, 19.97, 0), "linternaute.com, arvert.online", born=CHILD, used=((CounterKey("glasses", date(2025, 3, 2), "9"), Used(20_000, 1, date(2025, 3, 2))),)),
    Case("Vue qui a changé : renouvellement anticipé", (act("MON", 120, 0.05, early_renewal=True, **PAIR),), (COMFORT,), (0.03, 0, 100, 19.97, 0), "linternaute.com, arvert.online", used=((CounterKey("glasses", date(2025, 7, 2), "9"), Used(20_000, 1, date(2025, 7, 2))),)),
    Case("Vue qui a changé : dite de la monture, vraie des verres", (act("MON", 90, 0.05, early_renewal=True, **PAIR), act("VER", 100, 0.1, n=2, **PAIR)), (COMFORT,), (0.09, 0, 189.91, 0, 0), "linternaute.com, arvert.online", used=((CounterKey("glasses", date(2025, 7, 2), "9"), Used(20_000, 1, date(2025, 7, 2))),)),
    Case("Deuxième paire d’une facture arrivée après une plus récente", (act("MON", 120, 0.05, **PAIR),), (COMFORT,), (0.03, 0, 0, 119.97, 0), "linternaute.com, arvert.online", used=((CounterKey("glasses", date(2026, 9, 2), "9"), Used(20_000, 1, date(2026, 9, 2))),)),
    Case("Verres remis neuf jours après la monture : la même paire", (act("MON", 90, 0.05, **PAIR), act("VER", 100, 0.1, day=date(2026, 3, 11), n=2, **PAIR)), (COMFORT,), (0.09, 0, 189.91, 0, 0), "linternaute.com, arvert.online"),
    Case("Monture et verres sans repère : une paire", (act("MON", 90, 0.05, basket=OPEN), act("VER", 100, 0.1, n=2, basket=OPEN, correction=SIMPLE)), (COMFORT,), (0.09, 0, 189.91, 0, 0), "linternaute.com, arvert.online"),
    Case("Lentilles : forfait annuel", (act("LEN", 130),), (COMFORT,), (0, 0, 100, 30, 0)),
    # Hearing.
    Case("Aide auditive 100 % Santé : rien à payer", (act("PAU", 950, 400, basket=FULL, equipment="D"),), (COMFORT,), (240, 0, 710, 0, 0), "cnmss.fr"),
    Case("Aide auditive libre : 1 700 € au plus, AMO comprise", (act("PAU", 2000, 400, basket=OPEN, equipment="D"),), (COMFORT,), (240, 0, 1460, 300, 0), "cnmss.fr"),
    Case(
        "La même oreille deux ans après : trop tôt",
        (act("PAU", 950, 400, basket=FULL, equipment="D"),),
        (COMFORT,),
        (240, 0, 0, 710, 0),
        "règle à confirmer (tarifs)",
        used=((CounterKey("hearing", date(2024, 3, 2), "D"), Used(71_000, 1, date(2024, 3, 2))),),
    ),
    Case(
        "L’autre oreille deux ans après",
        (act("PAU", 950, 400, basket=FULL, equipment="G"),),
        (COMFORT,),
        (240, 0, 710, 0, 0),
        "règle à confirmer (tarifs)",
        used=((CounterKey("hearing", date(2024, 3, 2), "D"), Used(71_000, 1, date(2024, 3, 2))),),
    ),
    Case("Aide auditive sans oreille dite, deux ans après : trop tôt", (act("PAU", 950, 400, basket=FULL),), (COMFORT,), (240, 0, 0, 710, 0), "règle à confirmer (tarifs)", used=((CounterKey("hearing", date(2024, 3, 2), "D"), Used(71_000, 1, date(2024, 3, 2))),)),
    Case("Deux oreilles : un plafond chacune", (act("PAU", 2000, 400, basket=OPEN, equipment="D"), act("PAU", 2000, 400, basket=OPEN, equipment="G")), (COMFORT,), (480, 0, 2920, 600, 0), "cnmss.fr"),
    # Several contracts.
    Case("Deux contrats : le second complète le premier", (act("CS", 70, 30),), (BASE, COMFORT), (21, 0, 39, 10, 2), optam=True),
    Case("Deux contrats au ticket modérateur : payé une fois", (act("CS", 70, 30),), (BASE, BASE), (21, 0, 9, 40, 2)),
    Case("Le second contrat ne paie jamais plus que le reste", (act("CS", 40, 30),), (COMFORT, FREE), (21, 0, 19, 0, 2), optam=True),
    Case("Acte gratuit", (act("CS", 0, 30),), (BASE,), (0, 0, 0, 0, 0)),
    # Rounding.
    Case("Un demi-centime est arrondi au-dessus", (act("PH7", 0.1, 0.1),), (BASE,), (0.07, 0, 0.03, 0, 0.07), "S26"),
    Case("Arrondi ligne par ligne", (act("B", 1.35, 1.35), act("B", 1.35, 1.35)), (BASE,), (1.62, 0, 1.08, 0, 1.62), SNDS),
)  # fmt: skip
