"""What the tests run on: real packages, images, mirrors, registries and scanners. See lab.py."""


class LabError(Exception):
    """Something the lab cannot go on from; the text says what and what to do."""
