"""English as this side of the ocean writes days: the forms ask for day, month, year too."""
