"""How the tables came to be what they are, one file a step. upgrade.py runs them in order.

A step changes a table with `op.batch_alter_table`: SQLite writes it anew for that. tests compare
where the steps lead to with schema.py.
"""
