"""What Airflow finds in its folder of plugins: the page Deliveries."""

from dags.deliveries_page.plugin import DeliveriesPlugin

__all__ = ["DeliveriesPlugin"]
