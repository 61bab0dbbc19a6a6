"""CSV in, products out: files are checked, rows become typed or are refused with a reason, batches are saved."""
