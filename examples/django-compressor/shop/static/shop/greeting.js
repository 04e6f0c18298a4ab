// Says what time of the day it is.
document.addEventListener('DOMContentLoaded', () => {
  const hour = new Date().getHours()
  document.querySelector('h1').title = hour < 12 ? 'good morning' : 'good afternoon'
})
