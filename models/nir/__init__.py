"""Networks from and to NIR graphs."""
