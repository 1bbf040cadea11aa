"""What GSM modems speak: AT commands (3GPP TS 27.005, 27.007) and the PDUs in them (3GPP TS 23.040)."""
