"""What a city can carry: calibrated by simulation, judged on fresh streams, beside rivals."""
