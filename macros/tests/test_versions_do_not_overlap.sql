{% test versions_do_not_overlap(model, key) %}
{{ overlapping_versions(model, key) }}
{% endtest %}
