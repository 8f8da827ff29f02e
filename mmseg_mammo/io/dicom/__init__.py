"""DICOM files: header, grey levels and pixels."""
