def demo(): "c"
