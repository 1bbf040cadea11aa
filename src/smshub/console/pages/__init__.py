"""The pages of the console: one module and one template for each noun."""
