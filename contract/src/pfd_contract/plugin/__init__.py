"""The contract's own plugin: tasks that do one thing each, and leave notes of it outside the job table.

Light: workers load it, and know no pytest.
"""
