{% test versions_do_not_overlap(model, key) %}
{{ headwater.overlapping_versions(model, key) }}
{% endtest %}
