"""Steps: what trainings of several models share: a journal, each training once, one checkpoint of all."""
