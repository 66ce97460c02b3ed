"""Tools of a course author: derive exercises from solutions, run notebooks, start a lesson or an exercise."""
