"""Every reason for refusing a row of a feed, in words the insurer can act on.

Refuses to quote the row: a message names the column and the rule, never a value of a person.
"""

from typing import Final

from rempart.kernel import amc, birth, nir
from rempart.kernel.findings import Refusal
from rempart.rights import lookup
from rempart.tariffs import domains

MAX_LINE_LENGTH: Final = 65_536

COLUMN_COUNT: Final = Refusal(
    rule="column_count",
    fr="La ligne n'a pas autant de champs que l'en-tête.",
    en="The line does not have as many fields as the header.",
    advice_fr="Chercher un séparateur ou un retour à la ligne dans un champ : l'ôter, ou mettre le "
    "champ entre guillemets.",
    advice_en="Look for a separator or a line break inside a field: remove it, or quote the field.",
)
LINE_LENGTH: Final = Refusal(
    rule="line_length",
    fr=f"La ligne dépasse {MAX_LINE_LENGTH} caractères.",
    en=f"The line is longer than {MAX_LINE_LENGTH} characters.",
    advice_fr="Vérifier les fins de ligne : plusieurs lignes semblent collées.",
    advice_en="Check the line ends: several lines seem to be stuck together.",
)
ENCODING: Final = Refusal(
    rule="encoding",
    fr="La ligne n'est pas en UTF-8 alors que le reste du fichier l'est.",
    en="The line is not UTF-8 although the rest of the file is.",
    advice_fr="Produire tout le fichier dans un seul encodage, UTF-8 de préférence.",
    advice_en="Write the whole file in one encoding, UTF-8 by preference.",
)
QUOTES: Final = Refusal(
    rule="quotes",
    fr="Un guillemet ouvert n'est pas refermé sur la ligne.",
    en="A quote that was opened is not closed on the line.",
    advice_fr="Doubler les guillemets qui font partie d'un champ, fermer les autres.",
    advice_en="Double the quotes that belong to a field, close the others.",
)
REPEATED_HEADER: Final = Refusal(
    rule="repeated_header",
    fr="L'en-tête est répété au milieu du fichier.",
    en="The header is repeated in the middle of the file.",
    advice_fr="Ne garder que le premier en-tête quand des fichiers sont mis bout à bout.",
    advice_en="Keep only the first header when files are put end to end.",
)
UNKNOWN_COLUMN: Final = Refusal(
    rule="unknown_column",
    fr="Cette colonne n'est pas du format : elle n'a pas été lue.",
    en="This column is not part of the format: it was not read.",
    advice_fr="Corriger son nom si c'est une faute, l'ôter sinon.",
    advice_en="Correct its name if it is misspelt, remove it otherwise.",
)
REQUIRED: Final = Refusal(
    rule="required",
    fr="Le champ est vide.",
    en="The field is empty.",
    advice_fr="Le remplir : il est obligatoire.",
    advice_en="Fill it: it is required.",
)
CHARACTERS: Final = Refusal(
    rule="characters",
    fr="Le champ contient un caractère de contrôle ou invisible.",
    en="The field has a control or invisible character.",
    advice_fr="Nettoyer le champ à la source.",
    advice_en="Clean the field at the source.",
)
TOO_LONG: Final = Refusal(
    rule="too_long",
    fr="Le champ est trop long.",
    en="The field is too long.",
    advice_fr="Voir la longueur permise dans la description du format.",
    advice_en="See the length allowed in the description of the format.",
)
OTHER_INSURER: Final = Refusal(
    rule="other_insurer",
    fr="Le numéro d'AMC n'est pas celui de l'assureur de ce fichier.",
    en="The AMC number is not that of this file's insurer.",
    advice_fr="Retirer les lignes des autres assureurs : un fichier par assureur.",
    advice_en="Take out other insurers' lines: one file per insurer.",
)
REFERENCE: Final = Refusal(
    rule="reference",
    fr="La référence a un caractère autre qu'une lettre, un chiffre, / . _ ou -.",
    en="The reference has a character other than a letter, a digit, / . _ or -.",
    advice_fr="Envoyer le numéro tel qu'il est imprimé sur la carte, sans libellé.",
    advice_en="Send the number as the card prints it, without a label.",
)
QUALITY: Final = Refusal(
    rule="quality",
    fr="La qualité du bénéficiaire n'est pas un chiffre de 1 à 4.",
    en="The quality of the beneficiary is not a digit from 1 to 4.",
    advice_fr="1 assuré, 2 conjoint, 3 enfant, 4 autre.",
    advice_en="1 insured, 2 spouse, 3 child, 4 other.",
)
CONVENTION_TYPE: Final = Refusal(
    rule="convention_type",
    fr="Le type de convention n'a pas de 1 à 4 lettres ou chiffres.",
    en="The convention type does not have 1 to 4 letters or digits.",
    advice_fr="Recopier le type de convention du bloc normalisé de la carte.",
    advice_en="Copy the convention type from the standard block of the card.",
)
CSR: Final = Refusal(
    rule="csr",
    fr="Le critère secondaire de routage a plus de 20 caractères ou un caractère interdit.",
    en="The secondary routing criterion has over 20 characters or a forbidden one.",
    advice_fr="Lettres, chiffres, espace, . _ et - ; vide s'il n'y en a pas.",
    advice_en="Letters, digits, space, . _ and -; empty when there is none.",
)
RESPONSIBLE: Final = Refusal(
    rule="responsible",
    fr="Le contrat responsable n'est ni 0 ni 1.",
    en="The responsible contract is neither 0 nor 1.",
    advice_fr="1 si le contrat est responsable, 0 sinon.",
    advice_en="1 if the contract is responsible, 0 otherwise.",
)
DATE: Final = Refusal(
    rule="date",
    fr="La date n'existe pas ou n'est pas écrite AAAA-MM-JJ (de 1900 à 2199).",
    en="The date does not exist or is not written YYYY-MM-DD (from 1900 to 2199).",
    advice_fr="Écrire par exemple 2026-01-31 ; laisser vide une fin inconnue.",
    advice_en="Write for instance 2026-01-31; leave an unknown end empty.",
)
PERIOD_ORDER: Final = Refusal(
    rule="period_order",
    fr="La fin précède le début.",
    en="The end precedes the start.",
    advice_fr="Inverser les dates, ou retirer la ligne si le contrat n'a jamais pris effet.",
    advice_en="Swap the dates, or remove the line if the contract never took effect.",
)
SUSPENSION_START: Final = Refusal(
    rule="suspension_start",
    fr="La suspension a une fin mais pas de début.",
    en="The suspension has an end but no start.",
    advice_fr="Remplir suspended_from, ou vider suspended_to.",
    advice_en="Fill suspended_from, or empty suspended_to.",
)
EMAIL: Final = Refusal(
    rule="email",
    fr="L'adresse électronique n'a pas la forme nom@domaine.",
    en="The e-mail address does not have the form name@domain.",
    advice_fr="Corriger l'adresse, ou la laisser vide.",
    advice_en="Correct the address, or leave it empty.",
)
PHONE: Final = Refusal(
    rule="phone",
    fr="Le téléphone n'a pas de 4 à 20 chiffres (avec + ( ) . - et espaces).",
    en="The phone does not have 4 to 20 digits (with + ( ) . - and spaces).",
    advice_fr="Corriger le numéro, ou le laisser vide.",
    advice_en="Correct the number, or leave it empty.",
)
ACTION: Final = Refusal(
    rule="action",
    fr="L'action n'est ni put ni remove.",
    en="The action is neither put nor remove.",
    advice_fr="Vide ou put pour déclarer la ligne, remove pour la retirer.",
    advice_en="Empty or put to state the line, remove to take it away.",
)
REMOVE_IN_FULL: Final = Refusal(
    rule="remove_in_full",
    fr="Une ligne est retirée dans un flux complet.",
    en="A line is removed in a full feed.",
    advice_fr="Ne pas envoyer la ligne : un flux complet retire ce qu'il ne contient pas.",
    advice_en="Do not send the line: a full feed takes away what it does not contain.",
)
TERMS_FORMAT: Final = Refusal(
    rule="terms_format",
    fr="La table de garanties n'est pas une suite DOMAINE=valeur séparée par des |.",
    en="The table of terms is not a list DOMAIN=value separated by |.",
    advice_fr="Écrire par exemple PHAR=R100@IS|MEDG=T|OPTI=F20000.",
    advice_en="Write for instance PHAR=R100@IS|MEDG=T|OPTI=F20000.",
)
TERMS_REPEATED: Final = Refusal(
    rule="terms_repeated",
    fr="Un domaine est répété dans la table de garanties.",
    en="A domain is repeated in the table of terms.",
    advice_fr="Ne garder qu'une valeur par domaine.",
    advice_en="Keep one value per domain.",
)
TERMS_VALUE: Final = Refusal(
    rule="terms_value",
    fr="Une garantie n'est ni R suivi d'un taux, ni F suivi de centimes, ni T.",
    en="A guarantee is neither R and a rate, nor F and cents, nor T.",
    advice_fr="R100 pour 100 % de la base (AMO comprise, 1000 au plus), F20000 pour 200 €, T pour "
    "le ticket modérateur.",
    advice_en="R100 for 100 % of the base (compulsory share included, 1000 at most), F20000 for "
    "€200, T for the ticket modérateur.",
)
TERMS_CIRCUIT: Final = Refusal(
    rule="terms_circuit",
    fr="Le circuit n'a pas de 1 à 8 lettres ou chiffres.",
    en="The circuit does not have 1 to 8 letters or digits.",
    advice_fr="Recopier le circuit imprimé sous le taux, par exemple IS ou IT.",
    advice_en="Copy the circuit printed under the rate, for instance IS or IT.",
)
SAME_PREVIOUS: Final = Refusal(
    rule="same_previous_nir",
    fr="L'ancien NIR est le même que l'actuel.",
    en="The previous NIR is the same as the present one.",
    advice_fr="Vider previous_nir quand le numéro n'a pas changé.",
    advice_en="Empty previous_nir when the number has not changed.",
)
DUPLICATE_ROW: Final = Refusal(
    rule="duplicate_row",
    fr="La même ligne est déjà dans le fichier.",
    en="The same line is already in the file.",
    advice_fr="Une fois suffit : la première est gardée.",
    advice_en="Once is enough: the first is kept.",
)
DUPLICATE_COVERAGE: Final = Refusal(
    rule="duplicate_coverage",
    fr="Ce bénéficiaire a déjà une ligne qui couvre un de ces jours.",
    en="This beneficiary already has a line that covers one of these days.",
    advice_fr="Clore l'ancien contrat la veille du nouveau ; la première ligne est gardée.",
    advice_en="Close the old contract the day before the new one; the first line is kept.",
)
UNKNOWN_LINE: Final = Refusal(
    rule="unknown_line",
    fr="La ligne à retirer n'existe pas pour ce bénéficiaire.",
    en="The line to remove does not exist for this beneficiary.",
    advice_fr="Vérifier le contrat et period_start, ou envoyer un flux complet.",
    advice_en="Check the contract and period_start, or send a full feed.",
)
CARD_CODE_TAKEN: Final = Refusal(
    rule="card_code_taken",
    fr="Le code de carte désigne déjà un autre bénéficiaire.",
    en="The card code already designates another beneficiary.",
    advice_fr="Donner un code à chaque bénéficiaire, jamais deux fois le même.",
    advice_en="Give each beneficiary a code, never the same twice.",
)
TWO_PERSONS: Final = Refusal(
    rule="two_persons",
    fr="Les numéros de la ligne désignent deux bénéficiaires déjà connus.",
    en="The numbers of the line designate two beneficiaries already known.",
    advice_fr="Vérifier own_nir et previous_nir, ou demander à l'opérateur de réunir les dossiers.",
    advice_en="Check own_nir and previous_nir, or ask the operator to join the records.",
)
FHIR_PROFILE: Final = Refusal(
    rule="fhir_profile",
    fr="La ressource ne porte pas ce champ sous la forme attendue.",
    en="The resource does not carry this field in the expected form.",
    advice_fr="Voir la correspondance FHIR dans la description du format.",
    advice_en="See the FHIR mapping in the description of the format.",
)

OF_THE_FILE: Final = (
    COLUMN_COUNT,
    LINE_LENGTH,
    ENCODING,
    QUOTES,
    REPEATED_HEADER,
    UNKNOWN_COLUMN,
    FHIR_PROFILE,
)
OF_A_FIELD: Final = (
    REQUIRED,
    CHARACTERS,
    TOO_LONG,
    amc.FORMAT,
    OTHER_INSURER,
    REFERENCE,
    *nir.REFUSALS,
    SAME_PREVIOUS,
    birth.DATE_FORMAT,
    birth.DATE_YEAR,
    birth.RANK,
    QUALITY,
    CONVENTION_TYPE,
    CSR,
    RESPONSIBLE,
    DATE,
    PERIOD_ORDER,
    SUSPENSION_START,
    TERMS_FORMAT,
    domains.UNKNOWN,
    TERMS_REPEATED,
    TERMS_VALUE,
    TERMS_CIRCUIT,
    lookup.CARD_CODE,
    EMAIL,
    PHONE,
    ACTION,
    REMOVE_IN_FULL,
)
OF_A_PERSON: Final = (
    DUPLICATE_ROW,
    DUPLICATE_COVERAGE,
    UNKNOWN_LINE,
    CARD_CODE_TAKEN,
    TWO_PERSONS,
)
RULES: Final = {refusal.rule: refusal for refusal in (*OF_THE_FILE, *OF_A_FIELD, *OF_A_PERSON)}
"""Every rule by its name, in the order a row meets them."""
