"""What compression did to the pictures."""
