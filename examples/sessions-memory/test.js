import '../sessions-app/test.js'
