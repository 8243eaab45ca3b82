"""Pages, figures and files about runs."""
