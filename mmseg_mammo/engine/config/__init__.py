"""Configs: loading, checking, changing and comparing them."""
