"""What one fills in to register a software or to give it a key.

Refuses a private key before anything else: whoever pasted one is told to throw it away.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from django import forms
from django.utils.translation import gettext_lazy as _

from rempart.accounts.registration import (
    CLIENT_ID,
    LABEL,
    MAX_LABEL,
    ONE_PROOF,
    PSC_CLIENT,
    STRUCTURE_BY_CERTIFICATE,
    Obstacle,
    Registration,
    parse_jwk,
    parse_subject,
)
from rempart.kernel.findings import BadValue
from rempart.portals.forms import current_language

WORDS: Final = {
    Obstacle.NAME_TAKEN: _("Ce nom est pris : choisissez-en un autre."),
    Obstacle.REVOKED: _("Ce logiciel est révoqué : enregistrez-en un autre."),
    Obstacle.BY_CERTIFICATE: _("Ce logiciel se prouve par son certificat : il n’a pas de clé."),
    Obstacle.KNOWN_KEY: _("Ce logiciel a déjà eu cette clé : faites-en une nouvelle."),
    Obstacle.TOO_MANY_KEYS: _("Ce logiciel a déjà cinq clés : mettez fin à l’une d’elles."),
    Obstacle.KEY_ENDED: _("Cette clé a déjà pris fin."),
    Obstacle.LAST_KEY: _("C’est sa dernière clé : ajoutez-en une, ou révoquez le logiciel."),
    Obstacle.OF_THE_HOME: _("Le logiciel des portails suit les clés de l’installation."),
}

# Which field a rule is about; others are about the whole form.
_FIELD_OF_RULE: Final = {
    CLIENT_ID.rule: "client_id",
    LABEL.rule: "label",
    ONE_PROOF.rule: "jwk",
    PSC_CLIENT.rule: "psc_clients",
    STRUCTURE_BY_CERTIFICATE.rule: "establishment",
}


class ParsedField(forms.CharField):
    """A text read by a rule of the core, whose words become the field's error."""

    def __init__(self, *, parse: Callable[[str], Any], **options: Any) -> None:
        super().__init__(**options)
        self._parse = parse

    def clean(self, value: Any) -> Any:
        """Return what was read, None for an empty field that may be empty."""
        text = super().clean(value)
        try:
            return self._parse(text) if text else None
        except BadValue as bad:
            raise forms.ValidationError(describe_refusal(bad)) from None


def describe_refusal(bad: BadValue) -> str:
    """Return a rule's own words in the language of the page."""
    language = current_language()
    return f"{bad.refusal.message(language)} {bad.refusal.advice(language)}"


def _make_jwk_field(*, required: bool) -> ParsedField:
    return ParsedField(
        label=_("Clé publique (JWK)"),
        help_text=_("L’objet JSON entier, accolades comprises. Jamais la clé privée."),
        parse=parse_jwk,
        required=required,
        widget=forms.Textarea(attrs={"rows": 6, "autocomplete": "off", "spellcheck": "false"}),
    )


class KeyForm(forms.Form):
    """A public key to add."""

    jwk = _make_jwk_field(required=True)
    use_required_attribute = False


class RegisterForm(forms.Form):
    """A software to register.

    Args:
        publishers: Reference and name of the publishers one may choose among.
        for_host: Whether it is the operator who registers, also for a whole establishment.
    """

    publisher = forms.TypedChoiceField(label=_("Éditeur"), coerce=int)
    label = forms.CharField(
        label=_("Intitulé"), help_text=_("Ce que les gens lisent."), max_length=MAX_LABEL
    )
    client_id = forms.CharField(
        label=_("Nom dans les requêtes"),
        help_text=_("De 3 à 64 lettres minuscules, chiffres ou tirets. Il ne change plus."),
        max_length=64,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    jwk = _make_jwk_field(required=False)
    certificate_subject = ParsedField(
        label=_("Ou sujet de son certificat"),
        help_text=_("Par exemple CN=clinique.example,O=Clinique,C=FR. Laissez vide avec une clé."),
        parse=parse_subject,
        required=False,
        max_length=500,
    )
    psc_clients = forms.CharField(
        label=_("Noms à Pro Santé Connect"),
        help_text=_(
            "Les client_id sous lesquels ses utilisateurs s’y connectent, séparés par des espaces."
            " Seuls les jetons donnés à ces noms sont échangés."
        ),
        required=False,
        max_length=500,
    )
    establishment = forms.CharField(
        label=_("Établissement"),
        help_text=_(
            "FINESS ou SIRET, seulement s’il agit pour tout un établissement, par certificat."
        ),
        required=False,
        max_length=14,
    )

    use_required_attribute = False

    def __init__(
        self, *args: Any, publishers: Sequence[tuple[int, str]], for_host: bool, **options: Any
    ) -> None:
        super().__init__(*args, **options)
        field = self.fields["publisher"]
        if isinstance(field, forms.ChoiceField):
            field.choices = list(publishers)
        if not for_host:
            del self.fields["establishment"]

    def make_registration(self, *, establishment_ref: int | None) -> Registration | None:
        """Return what to register; None when the whole cannot be, and the form says why."""
        given = self.cleaned_data
        try:
            return Registration(
                client_id=given["client_id"],
                label=given["label"],
                publisher_ref=given["publisher"],
                key=given["jwk"],
                certificate_subject=given["certificate_subject"],
                establishment_ref=establishment_ref,
                psc_clients=tuple(given["psc_clients"].split()),
            )
        except BadValue as bad:
            self.add_error(_FIELD_OF_RULE.get(bad.refusal.rule), describe_refusal(bad))
            return None
