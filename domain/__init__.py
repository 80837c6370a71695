"""The rules of Remit: values in, values out. No I/O, no clock, no engine."""
