"""Data sets that are no JSON Lines yet: JSON lists, pretty-printed objects, tables, Parquet files.

`sources` finds out what a file is, `json_objects`, `tables` and `parquet` read it as a stream of samples, `converting`
writes them. Nothing is dropped in silence: what is no sample comes out as `Left`, with its place.
"""
