"""The Django application that owns the migrations."""

from django.apps import AppConfig


class StorageConfig(AppConfig):
    """Storage, as Django knows it."""

    name = "rempart.storage"
    label = "storage"
