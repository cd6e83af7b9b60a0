"""The tables that come with images: EHR columns and labels."""
