//! Gradient boosting with XGBoost's algorithm, and linear floors.
