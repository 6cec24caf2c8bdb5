"""The page Deliveries of Airflow's UI: what each source delivered, what became of it, and decisions about it.

plugin      how Airflow knows of it
app         the app, with what follows
projects    the page that leads to those of several projects
views       the pages that are looked at
actions     the forms by which something is done
responses   pages and errors as answers
dependencies  the project, its database, and what of it a visitor may see
access      who looks, and what Airflow's auth manager lets them do
csrf        that a decision comes from our own page, and what a browser may do with our answers
sources     which jobs run the steps of each source
dry_runs    what a decision would do, found out in the background
decisions   the record, and the run of the job that follows
runs        what Airflow knows of the runs of a job
formatting  numbers, moments and texts for people
charts      history's growth and the last deliveries, drawn
timeline    the versions of one key, drawn
"""
