TEXT = "compiled by Python into __pycache__"
