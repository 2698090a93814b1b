"""Search over what compressing can be told, for the front of cost and quality."""
