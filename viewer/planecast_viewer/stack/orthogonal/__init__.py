"""Orthogonal views: the stack from three sides, cut where the cross is."""
