"""The only home of SQL: tables as values, transactions, and the queries by what they answer."""
