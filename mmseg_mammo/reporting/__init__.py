"""Transfer report: tables, figures and one page, made from run folders without any model."""
