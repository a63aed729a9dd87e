"""Dated legal parameters and nomenclatures: data with its source. Holds no computation."""
