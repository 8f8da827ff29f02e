"""Folds: models of a cross-validation as one."""
