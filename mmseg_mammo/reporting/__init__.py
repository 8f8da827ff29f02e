"""The transfer report: tables, figures and one page from run folders alone, never a model."""
