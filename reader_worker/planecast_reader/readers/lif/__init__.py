"""Leica LIF, LOF and XLEF."""
