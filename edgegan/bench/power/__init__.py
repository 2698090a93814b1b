"""What a call costs in energy: a file for each kind of counter, ``meter`` that reads it beside the work, ``find`` that
says which one this machine has."""
