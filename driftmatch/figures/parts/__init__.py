"""What figures are built of: the look, projections, densities, fields, intervals, films."""
