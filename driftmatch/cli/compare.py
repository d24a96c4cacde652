def compare(): "c"
