"""The addresses of campaigns. None of them carries an identifier of a person."""

from typing import Final

from django.urls import path

from rempart.portals.views import campaign_files, campaigns, letter_batches

_ONE: Final = "campagnes/<int:campaign_ref>"

PATHS: Final = (
    path("campagnes", campaigns.own_campaigns, name="own-campaigns"),
    path("campagnes.csv", campaigns.own_campaigns_csv, name="own-campaigns-csv"),
    path("assureur/coordonnees", campaign_files.contacts, name="campaign-contacts"),
    path(
        "campagnes/incidents/<int:incident_id>",
        campaigns.new_campaign,
        name="new-campaign",
    ),
    path(_ONE, campaigns.campaign, name="campaign"),
    path(f"{_ONE}/faits", campaigns.campaign_facts, name="campaign-facts"),
    path(f"{_ONE}/geste", campaigns.decide, name="decide-campaign"),
    path(f"{_ONE}/accord", campaigns.approve, name="approve-campaign"),
    path(f"{_ONE}/messages", campaigns.messages, name="campaign-messages"),
    path(f"{_ONE}/prevenu", campaigns.told_otherwise, name="told-otherwise"),
    path(f"{_ONE}/messages.csv", campaigns.messages_csv, name="campaign-messages-csv"),
    path(f"{_ONE}/lettres", letter_batches.batches, name="campaign-letters"),
    path(f"{_ONE}/lettres.csv", letter_batches.batches_csv, name="campaign-letters-csv"),
    path(f"{_ONE}/lettres/<int:batch_number>", letter_batches.batch, name="campaign-letter"),
    path("assureur/lettres-revenues", letter_batches.returns, name="letter-returns"),
    path(f"{_ONE}/exemple", campaign_files.sample, name="campaign-sample"),
)
